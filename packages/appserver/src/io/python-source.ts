/**
 * Workers of a Python app: a zygote imports the app once and forks them (D6). `PROTOCOL.md` beside
 * `stack_worker` says what is spoken on descriptor 3 and on the workers' control connections.
 */
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StackError } from "@stack/base";
import { type LinePeer, peerOf } from "@stack/control";
import {
  cannotStart,
  type ExitStatus,
  pythonMissing,
  type SpawnedChild,
  spawnChild,
} from "@stack/process";
import { type ImportFailure, importError } from "../core/import-failure.ts";
import { workerSocketName } from "../core/names.ts";
import { hasOtherEdge } from "../core/plan-change.ts";
import { libraryMissing, startupFailed } from "../errors.ts";
import { appEnvironment } from "./app-environment.ts";
import { createForkedWorker, type ForkedWorker } from "./forked-worker.ts";
import { diagnosePython, type PythonPlan } from "./python-diagnosis.ts";
import type { SourceContext, WorkerSource } from "./worker-source.ts";

type ZygoteToArbiter =
  | { readonly type: "imported"; readonly ms: number; readonly threads: readonly string[] }
  | ({ readonly type: "import-failed" } & ImportFailure)
  | { readonly type: "forked"; readonly key: string; readonly pid: number }
  | { readonly type: "fork-failed"; readonly key: string; readonly error: string }
  | ({ readonly type: "exited"; readonly key: string; readonly pid: number } & ExitStatus);

/** The folder that holds `stack_worker`. */
const pythonFolder = fileURLToPath(new URL("../python", import.meta.resolve("@stack/appserver")));
/** A zygote only waits: one that has not forked by then is stopped or hangs. */
const forkDeadlineMs = 10_000;
/** How long a zygote with nothing left to do may take to exit. */
const exitGraceMs = 2_000;
/** How long a zygote that has ended may still be read from, should something hold its pipe open. */
const lastWordsMs = 500;

export function createPythonSource(plan: PythonPlan, context: SourceContext): WorkerSource {
  const workers = new Map<string, ForkedWorker>();
  const { concurrency = 1 } = plan;
  const forking = new Map<string, NodeJS.Timeout>();
  const imported = Promise.withResolvers<void>();
  let zygote: SpawnedChild | undefined;
  let peer: LinePeer<ZygoteToArbiter, object> | undefined;
  let phase: "importing" | "forking" | "over" = "importing";
  let closing = false;
  imported.promise.catch(() => {}); // `start` hands it out; closing before that is no error

  async function start(): Promise<void> {
    if (plan.python === null) {
      const { name: app, pythonTried: tried, cwd, place } = plan;
      throw pythonMissing({ app, tried, cwd, place });
    }
    const env = appEnvironment(plan, context);
    const { PYTHONPATH: inherited } = env;
    const path = [pythonFolder, ...(plan.pythonPath ?? []), ...(inherited ? [inherited] : [])];
    try {
      zygote = await spawnChild({
        command: [plan.python, "-m", "stack_worker.zygote"],
        cwd: "/",
        env: {
          ...env,
          PYTHONPATH: path.join(":"),
        },
        stdout: "inherit",
        stderr: "inherit",
        ...(plan.user === undefined ? {} : { user: plan.user }),
        extra: ["pipe"],
      });
    } catch (cause) {
      throw (await diagnosePython(plan, plan.python, env, cause)) ?? cause;
    }
    peer = peerOf(zygote.pipes[0] as Socket);
    peer.onMessage = onMessage;
    const spoken = Promise.withResolvers<void>();
    peer.onClose = () => spoken.resolve();
    void zygote.exited.then(async (status) => {
      // What it said last may still be on its way: how its workers ended, or why the import failed.
      const timer = setTimeout(spoken.resolve, lastWordsMs);
      await spoken.promise;
      clearTimeout(timer);
      onExit(status);
    });
    const { kind, app, preload, cwd, middleware = [] } = plan;
    const worker = plan.kind === "wsgi" ? (plan.worker ?? "sync") : undefined;
    peer.send({
      ...{ type: "start", kind, worker, concurrency, app, middleware, preload, cwd },
      umask: plan.umask,
      hooks: plan.hooks,
      shared: hasOtherEdge(plan),
    });
    if (closing) kill();
    return await imported.promise;
  }

  function onMessage(message: ZygoteToArbiter): void {
    switch (message.type) {
      case "imported":
        phase = "forking";
        if (message.threads.length > 0) {
          context.log.warn(
            `importing ${plan.app} started threads that workers do not have: ${message.threads.join(", ")}; set preload: false if they are needed`,
          );
        }
        imported.resolve();
        return;
      case "import-failed":
        phase = "over";
        imported.reject(errorOf(message));
        return;
      case "forked":
        answered(message.key);
        workers.get(message.key)?.forked(message.pid);
        return;
      case "fork-failed":
        answered(message.key);
        context.log.error(`cannot fork: ${message.error}`);
        workers.get(message.key)?.finished({ code: null, signal: null });
        return;
      case "exited":
        workers.get(message.key)?.finished({ code: message.code, signal: message.signal });
        return;
      default: // of a later version; nothing we could do with it
    }
  }

  function answered(key: string): void {
    clearTimeout(forking.get(key));
    forking.delete(key);
  }

  /** Its end is told as any other: a generation whose zygote is gone is followed by a new one. */
  function giveUpZygote(): void {
    context.log.warn(`the zygote does not fork; it is killed`);
    kill();
  }

  function onExit(status: ExitStatus): void {
    const before = phase;
    phase = "over";
    for (const key of forking.keys()) answered(key);
    for (const worker of workers.values()) worker.orphaned();
    if (closing) return;
    if (before === "importing") void explainExit(status).then(imported.reject);
    else if (before === "forking") source.onLost(describe(status));
  }

  /** It ended before it said anything: is Python itself the reason? */
  async function explainExit(status: ExitStatus): Promise<StackError> {
    const python = plan.python ?? "python3";
    const cause = await diagnosePython(plan, python, appEnvironment(plan, context), undefined);
    if (cause !== undefined) return cause;
    return cannotStart({
      name: plan.name,
      what: `"${plan.app}"`,
      key: `apps.${plan.name}`,
      reason: `Python ended (${describe(status)}) while it imported the app; its last words are in the log`,
      place: plan.place,
    });
  }

  function errorOf(failure: ImportFailure): StackError {
    const { name, cwd, app: target, place, python } = plan;
    if (failure.kind === "library-missing") {
      return libraryMissing({ app: name, library: failure.module, python: python ?? "", place });
    }
    return importError(
      { name, cwd, target, key: "app", place, ...(python === null ? {} : { python }) },
      failure,
    );
  }

  function kill(): void {
    zygote?.signal("SIGKILL");
  }

  function closeWhenIdle(): void {
    if (!closing || workers.size > 0) return;
    const timer = setTimeout(kill, exitGraceMs);
    void zygote?.exited.then(() => clearTimeout(timer));
  }

  const source: WorkerSource = {
    start,
    launch(spec, events) {
      const socket = join(
        context.folder,
        workerSocketName(context.name.instance, context.generation, spec.serial),
      );
      const worker = createForkedWorker({
        key: spec.key,
        socket,
        control: context.control,
        capacity: concurrency,
        // Only epoll tells arrivals in their order.
        takesAhead: plan.kind === "wsgi" && plan.worker === "sync" && process.platform === "linux",
        sharesConnection: plan.kind === "asgi",
        events,
        error: errorOf,
        startupError: (said) => {
          const { name: app, place } = plan;
          return startupFailed({ app, target: plan.app, place, said: said.trimEnd().split("\n") });
        },
        crashed(lines) {
          for (const line of lines) context.log.warn(`${spec.id}: ${line}`);
        },
        ended() {
          workers.delete(spec.key);
          for (const file of [socket, `${socket}.stacks`]) rmSync(file, { force: true });
          closeWhenIdle();
        },
      });
      workers.set(spec.key, worker);
      if (phase === "forking") {
        const { id, key } = spec;
        peer?.send({ type: "fork", id, key, socket, control: context.control.path });
        forking.set(key, setTimeout(giveUpZygote, forkDeadlineMs));
      } else {
        queueMicrotask(() => worker.finished({ code: null, signal: null }));
      }
      return worker;
    },
    onLost: () => {},
    async close() {
      closing = true;
      if (phase === "importing") kill();
      else peer?.end();
      closeWhenIdle();
      await zygote?.exited;
    },
  };
  return source;
}

function describe({ code, signal }: ExitStatus): string {
  return signal === null ? `exit ${code ?? "unknown"}` : `killed by ${signal}`;
}
