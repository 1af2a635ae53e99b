/**
 * `npm run bench`: our stack against nginx, HAProxy, Caddy, gunicorn, uWSGI and uvicorn from Debian, in one
 * run. Writes docs/benchmarks.md, docs/benchmarks.json and the table in the README. `npm run bench -- --only proxy,wsgi --rounds 3`
 * is for trying: it prints and writes nothing, but with `--write` what it measured. A case that fails is
 * named, and the others are measured.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cases } from "./cases.ts";
import type { BenchCase } from "./lib/bench.ts";
import {
  describeMachine,
  type Failure,
  formatReport,
  formatSections,
  formatSummary,
  formatVerdicts,
  type RunResult,
} from "./lib/report.ts";
import type { Section } from "./lib/section.ts";
import { loadCore } from "./lib/servers.ts";
import { readVersions } from "./lib/versions.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "64" },
    only: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const settings = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  connections: Number(values.connections),
};
const wanted = values.only?.split(",") ?? cases.map(({ name }) => name);
const unknown = wanted.filter((name) => !cases.some((one) => one.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `no case ${unknown.join(", ")}; there are ${cases.map(({ name }) => name).join(", ")}\n`,
  );
  process.exit(2);
}

// The load of some cases comes from this process: it keeps out of the way of the servers.
execFileSync("taskset", ["-a", "-cp", loadCore, String(process.pid)]);
let running: AsyncDisposableStack | undefined;
const folder = mkdtempSync(join(tmpdir(), "stack-bench-"));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void interrupt());

try {
  const sections: Section[] = [];
  const failures: Failure[] = [];
  for (const one of cases.filter(({ name }) => wanted.includes(name))) {
    const began = performance.now();
    try {
      sections.push(await runCase(one));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`${one.name}: ${error instanceof Error ? error.stack : reason}\n`);
      failures.push({ name: one.name, reason });
    }
    log(one.name, `took ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  const result: RunResult = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    versions: readVersions(),
    rounds: settings.rounds,
    secondsPerRound: settings.seconds,
    connections: settings.connections,
    sections,
    failures,
  };
  process.stdout.write(`${formatSections(result)}\n${formatVerdicts(result)}\n`);
  for (const { name, reason } of failures)
    process.stdout.write(`not measured  ${name}: ${reason}\n`);
  if (values.only === undefined || values.write) write(result);
  if (failures.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function runCase({ name, run }: BenchCase): Promise<Section> {
  await using resources = new AsyncDisposableStack();
  running = resources;
  const work = join(folder, name);
  mkdirSync(work);
  return await run({
    folder: work,
    ...settings,
    use: (resource) => resources.use(resource),
    log: (line) => log(name, line),
  });
}

/** Ends what runs, so that an interrupted run leaves nothing behind. */
async function interrupt(): Promise<void> {
  await running?.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
  process.exit(130);
}

function log(name: string, line: string): void {
  process.stderr.write(`${name}  ${line}\n`);
}

function write(result: RunResult): void {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const template = readFileSync(at("report-template.md"), "utf8");
  writeFileSync(at("../docs/benchmarks.md"), formatReport(template, result));
  writeFileSync(at("../docs/benchmarks.json"), `${JSON.stringify(result, null, 2)}\n`);
  const readme = readFileSync(at("../README.md"), "utf8");
  const block = `<!-- numbers -->\n${formatSummary(result)}\n<!-- /numbers -->`;
  writeFileSync(
    at("../README.md"),
    readme.replace(/<!-- numbers -->.*<!-- \/numbers -->/s, () => block),
  );
}
