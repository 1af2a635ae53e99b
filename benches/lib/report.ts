/** The tables of a run: Markdown for docs/benchmarks.md and the README, JSON beside it. */
import { cpus, release, totalmem } from "node:os";
import { type Bar, judge, type Section } from "./section.ts";
import { type Versions, withVersions } from "./versions.ts";

export interface RunResult {
  readonly date: string;
  readonly machine: string;
  readonly versions: Versions;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly connections: number;
  readonly sections: readonly Section[];
  readonly failures: readonly Failure[];
}

/** A case that could not be measured. */
export interface Failure {
  readonly name: string;
  readonly reason: string;
}

export function describeMachine(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores (${first?.model.trim()}), ${memory} GB, Linux ${release()}`;
}

export function formatReport(template: string, run: RunResult): string {
  return template
    .replace("<!-- run -->", () => formatRun(run))
    .replace("<!-- bars -->", () => [...formatBars(run), ...formatFailures(run)].join("\n"))
    .replace("<!-- sections -->", () => formatSections(run));
}

/** The table of the README. */
export function formatSummary(run: RunResult): string {
  const { rounds, date, machine } = run;
  return [
    `CPU time per request of all server processes, as a multiple of the peer's, where nothing else is said; medians of ${rounds} interleaved`,
    `rounds, ${date}, ${machine}.`,
    "",
    ...formatBars(run),
  ].join("\n");
}

export function formatSections(run: Pick<RunResult, "sections" | "versions">): string {
  return run.sections.flatMap((section) => formatSection(section, run.versions)).join("\n");
}

/** For the terminal: a line a bar. */
export function formatVerdicts(run: RunResult): string {
  const bars = run.sections.flatMap((section) => section.bars);
  return bars
    .map((bar) => {
      const [value = "", must, aim] = figures(bar);
      return `${judge(bar).padEnd(13)} ${value.padStart(8)}  (${must}, aim ${aim})  ${bar.work}, ${bar.peer}`;
    })
    .join("\n");
}

function formatRun(run: RunResult): string {
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `- ${run.date}, ${run.machine}`,
    `- Peers from Debian: ${versions.join(", ")}`,
    `- ${run.rounds} rounds of ${run.secondsPerRound} s each, interleaved, medians; wrk with 1 thread and ${run.connections} connections, where`,
    "  nothing else is said",
    "- Pinned with `taskset`, where nothing else is said: every server process on one core, the load (and the upstream of the proxy",
    "  case) on the other",
  ].join("\n");
}

function formatBars({ sections, versions }: RunResult): readonly string[] {
  return [
    "| work | against | stack | must | aim | |",
    "| --- | --- | ---: | ---: | ---: | --- |",
    ...sections
      .flatMap((section) => section.bars)
      .map((bar) => {
        const verdict = judge(bar);
        const shown = verdict === "missed" ? "**missed**" : verdict;
        const cells = [bar.work, withVersions(bar.peer, versions), ...figures(bar), shown];
        return `| ${cells.join(" | ")} |`;
      }),
  ];
}

function figures({ value, must, aim, unit, atLeast = false }: Bar): readonly string[] {
  const sign = atLeast ? "≥" : "≤";
  const digits = unit === "×" || unit === " s" ? 2 : unit === "" || unit === " MB" ? 0 : 1;
  return [`${value.toFixed(digits)}${unit}`, `${sign} ${must}${unit}`, `${sign} ${aim}${unit}`];
}

function formatFailures({ failures }: RunResult): readonly string[] {
  if (failures.length === 0) return [];
  return [
    "",
    ...failures.map(({ name, reason }) => `Not measured: ${name}: ${reason.split("\n")[0]}`),
  ];
}

function formatSection(section: Section, versions: Versions): readonly string[] {
  const { title, note, columns, rows } = section;
  return [
    `## ${title}`,
    "",
    note,
    "",
    `| | ${columns.map((column) => column.title).join(" | ")} |`,
    `| --- | ${columns.map(() => "---:").join(" | ")} |`,
    ...rows.map(({ name, values }) => {
      const cells = columns.map(({ key, digits }) => values[key]?.toFixed(digits) ?? "");
      return `| ${[withVersions(name, versions), ...cells].join(" | ")} |`;
    }),
    "",
  ];
}
