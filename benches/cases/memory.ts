/** Memory of what a stack consists of: preloaded workers, and our own processes at rest. */
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "@stack/testkit";
import type { BenchCase } from "../lib/bench.ts";
import { measureRound } from "../lib/measure.ts";
import { processTree, pssBytes } from "../lib/proc.ts";
import type { Bar } from "../lib/section.ts";
import { allCores } from "../lib/servers.ts";
import { medianOf } from "../lib/statistics.ts";
import { debianPython, startGunicorn } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const workers = 4;
const settleMs = 3_000;
const djangoWork = "memory, PSS: 4 workers of a Django app with preload";
const app = "django_page:application";

export const djangoMemory: BenchCase = {
  name: "django-memory",
  async run(bench) {
    const stack = await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "${app}", workers: ${workers}, preload: true, python: "${debianPython}" } } }`,
    );
    const arbiter = stack.status().processes.find(({ kind }) => kind === "app")?.pid ?? 0;
    const port = await freePort();
    const master = await startGunicorn(bench, { cwd: appsFolder, app, workers }, port, [
      "--preload",
    ]);
    const gunicorn = {
      name: "gunicorn --preload",
      url: `http://127.0.0.1:${port}`,
      pids: () => processTree(master),
    };
    const load = { path: "/", connections: 16, seconds: 3 };
    for (const server of [stack, gunicorn]) await measureRound(server, load);
    await wait(settleMs);
    const python = pssBytes(processTree(arbiter).filter(isPython)) / 1e6;
    const theirs = pssBytes(gunicorn.pids()) / 1e6;
    return {
      title: djangoWork,
      note: "After 3 s of requests: the workers and the process they were forked from (zygote; gunicorn's master). Our arbiter, one Node process for all workers of an instance, stands beside them.",
      columns: [
        { key: "python", title: "PSS MB, Python", digits: 1 },
        { key: "arbiter", title: "PSS MB, arbiter", digits: 1 },
      ],
      rows: [
        { name: "stack", values: { python, arbiter: pssBytes([arbiter]) / 1e6 } },
        { name: gunicorn.name, values: { python: theirs } },
      ],
      bars: [
        {
          work: djangoWork,
          peer: gunicorn.name,
          unit: "×",
          value: python / theirs,
          must: 1.2,
          aim: 0.9,
        },
      ],
    };
  },
};

const restWork = "memory, PSS, idle";

export const restingMemory: BenchCase = {
  name: "resting-memory",
  async run(bench) {
    const stack = await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 2, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "hello:application", workers: 2, python: "${debianPython}" } } }`,
      { cores: allCores },
    );
    const { processes } = stack.status();
    const kinds = ["keeper", "stackd", "edge", "app"] as const;
    const samples: Record<string, number[]> = {};
    for (let round = 0; round < bench.rounds; round += 1) {
      await wait(settleMs / 3);
      for (const kind of kinds) {
        const pid = processes.find((one) => one.kind === kind)?.pid ?? 0;
        samples[kind] = [...(samples[kind] ?? []), pssBytes([pid]) / 1e6];
      }
    }
    const median = (kind: string): number => medianOf(samples[kind] ?? []);
    const bar = (kind: string, must: number, aim: number): Bar => {
      return {
        work: `${restWork}: ${kind}`,
        peer: "–",
        unit: " MB",
        value: median(kind),
        must,
        aim,
      };
    };
    return {
      title: `${restWork}: what we are made of`,
      note: "A hello app with 2 workers, 2 edge threads, started and left alone. Pages of the node program that several of these processes share count in parts.",
      columns: [{ key: "pss", title: "PSS MB", digits: 1 }],
      rows: kinds.map((kind) => ({
        name: kind === "app" ? "arbiter of an app" : kind,
        values: { pss: median(kind) },
      })),
      bars: [bar("keeper", 35, 25), bar("stackd", 70, 50), bar("edge", 110, 80)],
    };
  },
};

function isPython(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("python");
  } catch {
    return false;
  }
}
