/** How long it takes until the first answer: of a whole stack, and of one more worker. */
import { setTimeout as wait } from "node:timers/promises";
import type { BenchCase } from "../lib/bench.ts";
import { allCores } from "../lib/servers.ts";
import { medianOf } from "../lib/statistics.ts";
import { debianPython } from "../peers/python-servers.ts";
import { createProject } from "../peers/stack.ts";
import { startZygote } from "../peers/zygote.ts";
import { appsFolder } from "./apps-folder.ts";

const startWork = "stack up -d to first answer, hello app";

export const start: BenchCase = {
  name: "start",
  async run(bench) {
    const project = await createProject(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "hello:application", workers: 2, python: "${debianPython}" } } }`,
      { cores: allCores },
    );
    const answered: number[] = [];
    const returned: number[] = [];
    for (let round = 0; round < bench.rounds; round += 1) {
      const began = performance.now();
      const up = project.stack("up", "-d");
      answered.push(await firstAnswer(project.url, began));
      await up;
      returned.push((performance.now() - began) / 1000);
      bench.log(`first answer after ${answered.at(-1)?.toFixed(2)} s`);
      await project.stack("down");
    }
    const value = medianOf(answered);
    return {
      title: startWork,
      note: "From the start of the command on, not pinned; the folder's second start and later, so files are in the page cache.",
      columns: [
        { key: "answered", title: "first answer, s", digits: 2 },
        { key: "returned", title: "command returned, s", digits: 2 },
      ],
      rows: [{ name: "stack", values: { answered: value, returned: medianOf(returned) } }],
      bars: [{ work: startWork, peer: "–", unit: " s", value, must: 2.5, aim: 1 }],
    };
  },
};

const forks = 20;

export const fork: BenchCase = {
  name: "fork",
  async run(bench) {
    const rows = [];
    for (const [name, app] of [
      ["hello WSGI", "hello:application"],
      ["Django", "django_page:application"],
    ] as const) {
      const zygote = await startZygote(bench, appsFolder, app);
      const readyMs: number[] = [];
      for (let n = 0; n < forks; n += 1) readyMs.push(await zygote.fork(n));
      rows.push({ name, values: { ready: medianOf(readyMs), imported: zygote.importedMs } });
    }
    return {
      title: "From fork to ready",
      note: `From the arbiter's order to fork to the worker's "ready", median of ${forks}; beside it how long the import took, which each worker would need without preload.`,
      columns: [
        { key: "ready", title: "ready after ms", digits: 1 },
        { key: "imported", title: "import ms", digits: 0 },
      ],
      rows,
      bars: [],
    };
  },
};

/** Seconds since `began`. */
async function firstAnswer(url: string, began: number): Promise<number> {
  const end = began + 60_000;
  while (performance.now() < end) {
    try {
      const response = await fetch(url, { headers: { connection: "close" } });
      await response.arrayBuffer();
      if (response.status === 200) return (performance.now() - began) / 1000;
    } catch {
      // nothing listens yet
    }
    await wait(5);
  }
  throw new Error("no answer within 60 s");
}
