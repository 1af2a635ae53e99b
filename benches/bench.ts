/**
 * `npm run bench`: our stack against nginx, gunicorn and uWSGI from Debian, in one run. Writes
 * docs/benchmarks.md, docs/benchmarks.json and the table in the README. `npm run bench -- --rounds 3 --seconds 2 --only static` is
 * for trying; it prints and writes nothing.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BenchCase, cases } from "./cases.ts";
import { measureRound, type Round } from "./lib/measure.ts";
import {
  type CaseResult,
  formatBars,
  formatReport,
  formatSummary,
  type RunResult,
} from "./lib/report.ts";
import { type Server, versionOf } from "./lib/servers.ts";
import { summarize } from "./lib/statistics.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "64" },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(values.rounds);
const load = { connections: Number(values.connections), seconds: Number(values.seconds) };
const folder = mkdtempSync(join(tmpdir(), "stack-bench-"));

try {
  const results: CaseResult[] = [];
  for (const benchCase of cases.filter(({ title }) => title.includes(values.only))) {
    results.push(await runCase(benchCase));
  }
  const result: RunResult = {
    date: new Date().toISOString().slice(0, 10),
    versions: {
      nginx: versionOf("nginx", "-v").replace("nginx version: ", ""),
      gunicorn: versionOf("/usr/bin/gunicorn", "--version").replace(/[()]/g, ""),
      uwsgi: `uWSGI ${versionOf("uwsgi", "--version")}`,
      python: versionOf("/usr/bin/python3", "--version"),
      node: `Node ${process.version}`,
    },
    rounds,
    secondsPerRound: load.seconds,
    connections: load.connections,
    cases: results,
  };
  console.log(formatReport(result));
  console.log(formatBars(result).join("\n"));
  if (values.only === "") write(result);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function runCase(benchCase: BenchCase): Promise<CaseResult> {
  const work = join(folder, benchCase.title.replaceAll(/\W+/g, "-"));
  mkdirSync(work);
  await using stack = new AsyncDisposableStack();
  const servers: Server[] = [];
  for (const start of benchCase.servers) servers.push(stack.use(await start(work)));
  const measured = new Map<string, Round[]>(servers.map(({ name }) => [name, []]));
  for (const server of servers) await measureRound(server, benchCase.path, { ...load, seconds: 1 }); // warm up
  for (let round = 0; round < rounds; round += 1) {
    for (const server of servers) {
      const result = await measureRound(server, benchCase.path, load);
      console.error(
        `${benchCase.title}  ${server.name}  ${result.cpuMicros.toFixed(1)} µs  ${Math.round(result.requestsPerSecond)}/s`,
      );
      measured.get(server.name)?.push(result);
    }
  }
  return {
    title: benchCase.title,
    note: benchCase.note,
    servers: servers.map(({ name }) => ({ name, median: summarize(measured.get(name) ?? []) })),
    bars: benchCase.bars,
  };
}

function write(result: RunResult): void {
  const docs = fileURLToPath(new URL("../docs", import.meta.url));
  mkdirSync(docs, { recursive: true });
  writeFileSync(join(docs, "benchmarks.md"), formatReport(result));
  writeFileSync(join(docs, "benchmarks.json"), `${JSON.stringify(result, null, 2)}\n`);
  const readme = fileURLToPath(new URL("../README.md", import.meta.url));
  const text = readFileSync(readme, "utf8");
  const block = `<!-- numbers -->\n${formatSummary(result)}\n<!-- /numbers -->`;
  writeFileSync(
    readme,
    text.replace(/<!-- numbers -->.*<!-- \/numbers -->/s, () => block),
  );
}
