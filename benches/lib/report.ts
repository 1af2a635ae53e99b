/** The tables of a run: Markdown for docs/benchmarks.md, JSON beside it. */
import { cpus, release, totalmem } from "node:os";
import type { Round } from "./measure.ts";

export interface CaseResult {
  readonly title: string;
  readonly note: string;
  /** Ours first. */
  readonly servers: readonly { readonly name: string; readonly median: Round }[];
  /** At most this much of the peer's CPU per request. */
  readonly bars: readonly { readonly peer: string; readonly must: number }[];
}

export interface RunResult {
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly connections: number;
  readonly cases: readonly CaseResult[];
}

export function formatReport(run: RunResult): string {
  return [
    "# Benchmarks",
    "",
    "Written by `npm run bench`: our servers and the peers in turn, in one run, on one machine. The main figure is CPU time",
    "per request (user and system, all threads of all server processes, from `/proc/PID/stat`); rates and latencies swing",
    "with the machine and stand beside it.",
    "",
    `- ${run.date}, ${machine()}`,
    `- ${Object.values(run.versions).join("; ")}`,
    `- ${run.rounds} rounds of ${run.secondsPerRound} s each, interleaved, medians; wrk with 1 thread and ${run.connections} connections.`,
    "- Pinned: every server process on one core, wrk (and the upstream of the proxy case) on the other.",
    "",
    ...run.cases.flatMap(formatCase),
    "## What this does not show",
    "",
    "Network cards, TLS, many cores, real pages and cold caches. Client and server share one machine and its memory.",
    "All processes of a chain share one core, which is kinder to few processes than to many.",
    "",
  ].join("\n");
}

/** The table of the README. */
export function formatSummary(run: RunResult): string {
  const rows = run.cases.flatMap(({ title, servers }) => {
    const [ours, ...peers] = servers;
    const own = ours?.median.cpuMicros ?? Number.NaN;
    return peers.map(
      ({ name, median }) =>
        `| ${title} | ${own.toFixed(1)} | ${name} | ${median.cpuMicros.toFixed(1)} | ${(own / median.cpuMicros).toFixed(2)}× |`,
    );
  });
  return [
    `CPU µs per request, server processes only, ${run.date}, ${Object.values(run.versions).join(", ")}:`,
    "",
    "| work | stack | peer | peer's | ratio |",
    "| --- | ---: | --- | ---: | ---: |",
    ...rows,
  ].join("\n");
}

/** One line a bar: reached or not. */
export function formatBars(run: RunResult): readonly string[] {
  return run.cases.flatMap((result) =>
    result.bars.map(({ peer, must }) => {
      const ratio = ratioTo(result, peer);
      return `${ratio <= must ? "reached" : "MISSED "}  ${result.title}: ${ratio.toFixed(2)}x ${peer} (must ${must}x)`;
    }),
  );
}

function formatCase(result: CaseResult): readonly string[] {
  const [ours] = result.servers;
  return [
    `## ${result.title}`,
    "",
    result.note,
    "",
    "| server | CPU µs/request | stack ÷ this | requests/s | p50 ms | p99 ms | PSS MB | errors |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...result.servers.map(({ name, median }) => {
      const ratio = (ours?.median.cpuMicros ?? Number.NaN) / median.cpuMicros;
      const cells = [
        name,
        median.cpuMicros.toFixed(1),
        name === ours?.name ? "" : `${ratio.toFixed(2)}×`,
        String(Math.round(median.requestsPerSecond)),
        median.p50Ms.toFixed(2),
        median.p99Ms.toFixed(2),
        (median.pssBytes / 2 ** 20).toFixed(0),
        String(median.errors),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
    ...result.bars.map(({ peer, must }) => {
      const ratio = ratioTo(result, peer);
      return `Bar: at most ${must}× ${peer}; ${ratio <= must ? "reached" : "**missed**"} with ${ratio.toFixed(2)}×.`;
    }),
    "",
  ];
}

function ratioTo(result: CaseResult, peer: string): number {
  const ours = result.servers[0]?.median.cpuMicros ?? Number.NaN;
  const theirs = result.servers.find(({ name }) => name === peer)?.median.cpuMicros ?? Number.NaN;
  return ours / theirs;
}

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} cores (${first?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`;
}
