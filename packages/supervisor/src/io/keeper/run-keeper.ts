/**
 * The keeper: parent of all, so that all may die but itself. It holds sockets, logs and exit
 * records, and decides nothing but to restart stackd and to start the fall-back edge.
 */
import { mkdirSync } from "node:fs";
import { type ErrorReport, formatDuration, reportOf } from "@stack/base";
import {
  controlVersion,
  type KeeperToStackd,
  resolveStatePaths,
  type StackdToKeeper,
  type StatePaths,
} from "@stack/control";
import { readStartedAtMs, readStartTime } from "@stack/process";
import { formatKeeperArguments, type KeeperOptions } from "../../core/keeper-options.ts";
import { fallbackEdgeEntry, stackdEntry } from "../../entries.ts";
import { alreadyRunning, keeperLost, stateFolderUnusable } from "../../errors.ts";
import { createChildren } from "./children.ts";
import { createFallback, fallbackName } from "./fallback.ts";
import {
  endLeftovers,
  killLeftovers,
  markName,
  recordsFile,
  removeLeftoverFiles,
} from "./leftovers.ts";
import { bindUnix, createListeners } from "./listeners.ts";
import { releaseLock, takeLock } from "./lock.ts";
import { createLogs } from "./logs.ts";
import { writeRecords } from "./records.ts";
import { startStackd } from "./stackd-process.ts";

/** First starts of stackd that may fail before the whole start has failed. */
const maxFirstStarts = 3;
/** How long an ordered end may take before the keeper ends everything itself. */
const terminateMs = 90_000;

/**
 * Runs until all is down.
 *
 * @param answer told once how the start went
 */
export async function runKeeper(
  options: KeeperOptions,
  env: Readonly<Record<string, string>>,
  answer: (error: ErrorReport | null) => void,
): Promise<void> {
  const paths = resolveStatePaths(options.config, options.state);
  try {
    prepare(options, paths);
  } catch (error) {
    answer(reportOf(error));
    process.exitCode = reportOf(error).exit;
    return;
  }
  await endLeftovers(paths);
  removeLeftoverFiles(paths);
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  const failure = await keep(options, paths, env, answer);
  answer(failure);
  process.exitCode = failure?.exit ?? 0;
}

function prepare(options: KeeperOptions, paths: StatePaths): void {
  let lock: ReturnType<typeof takeLock>;
  try {
    mkdirSync(paths.state, { recursive: true, mode: 0o700 });
    lock = takeLock(paths.lock);
  } catch (cause) {
    throw stateFolderUnusable({ path: paths.state, reason: (cause as Error).message }, cause);
  }
  if (lock.kind === "taken") return;
  const { pid } = lock.by;
  const since = formatDuration(Date.now() - (readStartedAtMs(pid) ?? Date.now()));
  throw alreadyRunning({ config: options.config, pid, since });
}

/** Resolves when all is down and removed, with the reason when the start failed. */
async function keep(
  options: KeeperOptions,
  paths: StatePaths,
  env: Readonly<Record<string, string>>,
  answer: (error: ErrorReport | null) => void,
): Promise<ErrorReport | null> {
  const startedAt = new Date().toISOString();
  const identity = { pid: process.pid, startTime: readStartTime(process.pid) ?? 0 };
  const mark = { [markName]: paths.state };
  const logs = createLogs(paths.logs);
  const listeners = createListeners();
  const control = await bindUnix(paths.control, 0o600);
  const finished = Promise.withResolvers<ErrorReport | null>();
  let memory: unknown = null;
  let started = false;
  let stackdStarts = 0;

  const children = createChildren(listeners, logs, mark, {
    onExit: (exit) => {
      if (exit.name === fallbackName) children.acknowledge(exit.seq);
      else stackd.send({ type: "exit", exit });
    },
    onChange: () => {
      record();
      fallback.review();
    },
  });
  const fallback = createFallback(children, listeners, fallbackEdgeEntry, env, logs.note);
  const stackd = startStackd(
    [process.execPath, stackdEntry, ...formatKeeperArguments(options)],
    { ...env, ...mark },
    control.fd(),
    logs,
    {
      onStart(restarts) {
        stackdStarts = restarts + 1;
        record();
        stackd.send({
          type: "welcome",
          version: controlVersion,
          keeperPid: process.pid,
          startedAt,
          children: children.list().filter((child) => child.name !== fallbackName),
          exits: children.exits().filter((exit) => exit.name !== fallbackName),
          listeners: listeners.list(),
          memory,
          restarts,
        });
      },
      onMessage: (message) => {
        receive(message);
      },
      onExit(reason, lines) {
        logs.note(`stackd ended: ${reason}`);
        if (!started && stackdStarts >= maxFirstStarts) {
          finished.resolve(keeperLost({ reason: `stackd: ${reason}`, lines }).report);
        }
      },
    },
  );

  function record(): void {
    const current = stackd.current();
    const own = current === undefined ? [] : [{ name: "stackd", ...identityOf(current) }];
    const theirs = children.list().map((child) => ({ name: child.name, ...identityOf(child) }));
    writeRecords(recordsFile(paths), [...own, ...theirs]);
  }

  function receive(message: StackdToKeeper): void {
    switch (message.type) {
      case "bind":
        respond(message.id, async () => {
          const bound = await listeners.bind(message.name, message.address);
          fallback.review();
          return bound;
        });
        return;
      case "unbind":
        respond(message.id, () => listeners.unbind(message.name));
        return;
      case "spawn":
        respond(message.id, () => children.spawn(message.spawn));
        return;
      case "signal":
        respond(message.id, () => children.signal(message.name, message.signal as NodeJS.Signals));
        return;
      case "ack-exits":
        children.acknowledge(message.seq);
        return;
      case "remember":
        memory = message.memory;
        return;
      case "edge-ready":
        fallback.edgeReady(message.name, message.ready);
        return;
      case "started":
        if (message.error === null) {
          started = true;
          answer(null);
        } else {
          finished.resolve(message.error);
        }
        return;
      case "finish":
        finished.resolve(null);
        return;
      default:
        logs.note(`unknown message: ${JSON.stringify(message satisfies never)}`);
    }
  }

  function respond(id: number, act: () => unknown): void {
    Promise.try(act).then(
      (data) => stackd.send({ type: "result", id, ok: true, data: data ?? null }),
      (error: NodeJS.ErrnoException) => stackd.send(refusal(id, error)),
    );
  }

  let asked = 0;
  const terminate = (): void => {
    asked += 1;
    logs.note(asked === 1 ? "told to end: draining" : "told again: ending at once");
    stackd.send({ type: "terminate", now: asked > 1 });
    if (asked > 2) finished.resolve(null);
    setTimeout(() => finished.resolve(null), terminateMs).unref();
  };
  process.on("SIGTERM", terminate);
  process.on("SIGINT", terminate);
  // Whatever it was, all that it holds is worth more than a clean stop.
  process.on("uncaughtException", (error) => logs.note(`a bug in stack: ${error.stack}`));
  process.on("SIGHUP", () => {}); // a closed terminal is no reason to end

  logs.note(`keeper ${process.pid} started for ${options.config}`);
  const failure = await finished.promise;
  fallback.end();
  await stackd.end(2_000);
  for (const child of children.list()) children.signal(child.name, "SIGKILL");
  await killLeftovers(paths);
  listeners.closeAll();
  control.close();
  logs.note("all is down");
  await logs.close();
  removeLeftoverFiles(paths);
  releaseLock(paths.lock, identity);
  return failure;
}

function identityOf(found: { pid: number; startTime: number }): {
  pid: number;
  startTime: number;
} {
  return { pid: found.pid, startTime: found.startTime };
}

function refusal(id: number, error: NodeJS.ErrnoException): KeeperToStackd {
  return { type: "result", id, ok: false, code: error.code ?? "EUNKNOWN", message: error.message };
}
