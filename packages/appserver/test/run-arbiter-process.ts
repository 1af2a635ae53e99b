/** A real arbiter between a fake stackd and a fake edge; all it started ends with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AppPlan } from "@stack/config";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, onTestFailed } from "vitest";
import { type FakeEdge, type FakeStackd, listenAsEdge, listenAsStackd } from "./fake-peers.ts";
import { leftovers } from "./leftovers.ts";

const entry = fileURLToPath(new URL("../dist/bin/arbiter.js", import.meta.url));
const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));

export interface Bench extends AsyncDisposable {
  readonly folder: string;
  readonly run: string;
  readonly stackd: FakeStackd;
  readonly edge: FakeEdge;
  readonly arbiter: () => ChildProcess;
  /** Starts another arbiter of the same instance, as stackd does when one was killed. */
  readonly startArbiter: () => void;
  readonly exited: () => Promise<number | null>;
  readonly output: () => string;
}

export async function openBench(app = "shop"): Promise<Bench> {
  const folder = tempFolder();
  const run = join(folder.path, "run");
  mkdirSync(run);
  const control = join(folder.path, "control.sock");
  const stackd = await listenAsStackd(control);
  const edge = await listenAsEdge(run, 1);
  let output = "";
  let child: ChildProcess;
  let exit: Promise<number | null>;

  function startArbiter(): void {
    const parameters = ["--control", control, "--run", run, "--app", app, "--instance", "1"];
    child = spawn(process.execPath, [entry, ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
    exit = new Promise((resolve) => child.once("exit", resolve));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        output += text;
      });
    }
  }

  startArbiter();
  onTestFailed(() => {
    process.stderr.write(`--- what the arbiter and its app said ---\n${output}\n`);
  });
  return {
    folder: folder.path,
    run,
    stackd,
    edge,
    arbiter: () => child,
    startArbiter,
    exited: () => exit,
    output: () => output,
    async [Symbol.asyncDispose]() {
      const drained = stackd.order({ type: "drain", deadlineMs: 500 }, 20_000);
      drained.catch(() => child.kill("SIGKILL")); // nothing of ours may outlive a test that failed
      await exit;
      await stackd[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
      await eventually("every process of the app to end", () => leftovers(run).length === 0);
      folder[Symbol.dispose]();
    },
  };
}

/** The first plan of a bench: resolves when its workers are ready and the edge knows them. */
export async function startReady(bench: Bench, plan: AppPlan): Promise<void> {
  const error = await bench.stackd.order({ type: "configure", plan, release: "r1" });
  expect(error).toBeNull();
  const desired = bench.stackd.state()?.desired;
  await eventually("the edge to know all workers", () => bench.edge.workers.size === desired);
}

const base = {
  name: "shop",
  cwd: fixtures,
  instances: 1,
  workers: 2,
  health: null,
  timeoutMs: 5_000,
  bootTimeoutMs: 60_000,
  drainTimeoutMs: 5_000,
  queueLimit: 100,
  queueTimeoutMs: 5_000,
  place: { file: "deploy.config.ts", line: 8, configPath: "apps.shop" },
};

type PlanOf<Kind> = Extract<AppPlan, { kind: Kind }>;
type Changes<Kind> = Partial<PlanOf<Kind>>;

export function wsgiPlan(bench: Bench, changes: Changes<"wsgi"> = {}): PlanOf<"wsgi"> {
  return {
    ...base,
    env: environment(bench),
    kind: "wsgi",
    app: "hello:application",
    preload: true,
    python: "/usr/bin/python3",
    pythonTried: [],
    ...changes,
  };
}

export function asgiPlan(bench: Bench, changes: Changes<"asgi"> = {}): PlanOf<"asgi"> {
  return {
    ...base,
    env: environment(bench),
    kind: "asgi",
    app: "asgi:app",
    preload: true,
    python: "/usr/bin/python3",
    pythonTried: [],
    concurrency: 100,
    ...changes,
  };
}

export function nodePlan(bench: Bench, changes: Changes<"node"> = {}): PlanOf<"node"> {
  const entry = join(fixtures, "handler.mjs");
  return { ...base, env: environment(bench), kind: "node", entry, ...changes };
}

export function commandPlan(bench: Bench, changes: Changes<"command"> = {}): PlanOf<"command"> {
  const command = [process.execPath, join(fixtures, "server.mjs")] as const;
  return { ...base, env: environment(bench), kind: "command", command, ...changes };
}

/** The mark by which a process of this bench is found, whoever its parent is. */
function environment(bench: Bench): Record<string, string> {
  return { PATH: "/usr/bin:/bin", STACK_TEST_RUN: bench.run, PYTHONDONTWRITEBYTECODE: "1" };
}
