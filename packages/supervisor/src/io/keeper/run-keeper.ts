/**
 * The keeper: parent of all, so that all may die but itself. It holds sockets, logs and exit
 * records, and decides nothing but to restart stackd and to start the fall-back edge.
 */
import { lstatSync } from "node:fs";
import type { BoundSocket } from "node:net";
import { dirname } from "node:path";
import { type ErrorReport, formatDuration, reportOf } from "@stack/base";
import { controlVersion, resolveStatePaths, type StatePaths } from "@stack/control";
import { makeFolder, readProcessFacts, readStartedAtMs, readStartTime } from "@stack/process";
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
import { type KeeperIdentity, releaseLock, takeLock } from "./lock.ts";
import { createLogs } from "./logs.ts";
import { createOrders } from "./orders.ts";
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
 * @param evaluated the config, where whoever started us evaluates it; null when it could not
 */
export async function runKeeper(
  options: KeeperOptions,
  env: Readonly<Record<string, string>>,
  answer: (error: ErrorReport | null) => void,
  evaluated?: Promise<unknown>,
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
  const failure = await openControl(paths).then(
    (control) => keep(options, paths, env, control, answer, evaluated),
    (error: unknown) => reportOf(error),
  );
  releaseLock(paths.lock, ownIdentity());
  answer(failure);
  process.exitCode = failure?.exit ?? 0;
}

function prepare(options: KeeperOptions, paths: StatePaths): void {
  let lock: ReturnType<typeof takeLock>;
  try {
    makeFolder(paths.state, 0o700);
    lock = takeLock(paths.lock);
  } catch (cause) {
    throw stateFolderUnusable({ path: paths.state, reason: (cause as Error).message }, cause);
  }
  if (lock.kind === "taken") return;
  const { pid } = lock.by;
  const since = formatDuration(Date.now() - (readStartedAtMs(pid) ?? Date.now()));
  throw alreadyRunning({ config: configOf(pid) ?? options.config, pid, since });
}

/** A folder has one stack, of whichever of its files: the one that runs is named. */
function configOf(keeper: number): string | undefined {
  const { command = [] } = readProcessFacts(keeper) ?? {};
  const at = command.indexOf("--config");
  return at < 0 ? undefined : command[at + 1];
}

/** Binds control.sock, in a folder that is this user's alone. */
async function openControl(paths: StatePaths): Promise<BoundSocket> {
  try {
    const folder = dirname(paths.control);
    // Of root's sockets the apps' are for other users: they pass through, and see no names.
    const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
    makeFolder(folder, mode);
    const found = lstatSync(folder);
    const isOurs = found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
    if (!isOurs) throw new Error(`${folder} is not this user's alone`);
    makeFolder(paths.run, mode);
    return await bindUnix(paths.control, 0o600);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw stateFolderUnusable({ path: dirname(paths.control), reason }, cause);
  }
}

function ownIdentity(): KeeperIdentity {
  return { pid: process.pid, startTime: readStartTime(process.pid) ?? 0 };
}

/** Resolves when all is down and removed, with the reason when the start failed. */
async function keep(
  options: KeeperOptions,
  paths: StatePaths,
  env: Readonly<Record<string, string>>,
  control: BoundSocket,
  answer: (error: ErrorReport | null) => void,
  evaluated: Promise<unknown> | undefined,
): Promise<ErrorReport | null> {
  const startedAt = new Date().toISOString();
  const mark = { [markName]: paths.state };
  const logs = createLogs(paths.logs);
  const listeners = createListeners();
  const finished = Promise.withResolvers<ErrorReport | null>();
  let memory: unknown = null;
  let started = false;
  let stackdStarts = 0;
  let terminations = 0;

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
        // Of one that has decided something, the config is in its memory.
        if (memory === null && evaluated !== undefined) void passConfig(evaluated);
        if (terminations > 0) stackd.send({ type: "terminate", now: terminations > 1 });
      },
      onMessage: (message) => obey(message),
      onExit(reason, lines) {
        logs.note(`stackd ended: ${reason}`);
        if (!started && stackdStarts >= maxFirstStarts) {
          finished.resolve(keeperLost({ reason: `stackd: ${reason}`, lines }).report);
        }
      },
    },
  );

  const obey = createOrders({
    listeners,
    children,
    fallback,
    send: stackd.send,
    note: logs.note,
    reopenLogs: logs.reopen,
    onRemember(kept) {
      memory = kept;
    },
    onStarted(error) {
      if (error !== null) finished.resolve(error);
      else {
        started = true;
        answer(null);
      }
    },
    onFinish: () => finished.resolve(null),
  });

  async function passConfig(waited: Promise<unknown>): Promise<void> {
    const config = await waited; // never rejects
    stackd.send({ type: "config", config });
  }

  function record(): void {
    const current = stackd.current();
    const own = current === undefined ? [] : [{ name: "stackd", ...identityOf(current) }];
    const theirs = children.list().map((child) => ({ name: child.name, ...identityOf(child) }));
    writeRecords(recordsFile(paths), [...own, ...theirs]);
  }

  onTermination((times) => {
    terminations = times;
    logs.note(times === 1 ? "told to end: draining" : "told again: ending at once");
    stackd.send({ type: "terminate", now: times > 1 });
    if (times > 2) finished.resolve(null);
    setTimeout(() => finished.resolve(null), terminateMs).unref();
  });
  // Whatever it was, all that the keeper holds is worth more than a clean stop.
  process.on("uncaughtException", (error) => logs.note(`a bug in stack: ${error.stack}`));

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
  return failure;
}

/** @param act told how often it was asked */
function onTermination(act: (times: number) => void): void {
  let times = 0;
  const count = (): void => {
    times += 1;
    act(times);
  };
  process.on("SIGTERM", count);
  process.on("SIGINT", count);
  process.on("SIGHUP", () => {}); // a closed terminal is no reason to end
}

function identityOf(found: { pid: number; startTime: number }): {
  pid: number;
  startTime: number;
} {
  return { pid: found.pid, startTime: found.startTime };
}
