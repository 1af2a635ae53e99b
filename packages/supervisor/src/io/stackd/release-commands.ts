/**
 * `release`: what has to be done once before new code of an app serves, such as a migration. At `up`
 * the instances wait for it, a reload does it first; never twice at once, also when a stackd before
 * began it.
 */
import { type ErrorReport, reportOf } from "@stack/base";
import type { AppPlan } from "@stack/config";
import type { ChildExit, ChildRecord, StackEvent } from "@stack/control";
import { describeExit, readEnvFiles } from "@stack/process";
import { releaseCommand, releaseEnvironment, releaseName } from "../../core/release-command.ts";
import { releaseFailed, releaseStopped } from "../../errors.ts";
import type { KeeperLink } from "./keeper-link.ts";

export interface ReleaseCommands {
  /** Runs them to their end; throws what came of the first that failed. */
  readonly run: (app: AppPlan, release: string) => Promise<void>;
  /** At a start: true when the instances may start, else it is seen to that they may some day. */
  readonly prepare: (app: AppPlan, release: string) => boolean;
  /** Of a start: "failed" until `retry` or a reload. */
  readonly phase: (app: string) => "none" | "running" | "failed" | "done";
  readonly error: (app: string) => ErrorReport | null;
  /** Forgets a failure. */
  readonly retry: (app: string) => void;
  /** It serves already, from before this stackd. */
  readonly skip: (app: string) => void;
  readonly forget: (app: string) => void;
  /** A stackd before has started it. */
  readonly adopt: (child: ChildRecord) => boolean;
  readonly exited: (exit: ChildExit) => boolean;
  /** Ends what runs; resolves when it has ended. */
  readonly stop: (now: boolean) => Promise<void>;
}

export interface ReleaseContext {
  readonly keeper: KeeperLink;
  readonly note: (level: StackEvent["level"], source: string, text: string) => void;
  /** The instances of an app may start, or never will. */
  readonly onChange: () => void;
}

type Progress =
  | { readonly phase: "running" | "done" }
  | { readonly phase: "failed"; readonly error: ErrorReport };

const defaultTimeoutMs = 300_000;
/** After SIGTERM. */
const graceMs = 10_000;

export function createReleaseCommands(context: ReleaseContext): ReleaseCommands {
  const { keeper, note } = context;
  const starts = new Map<string, Progress>();
  /** By app: each run waits for the one before. */
  const queues = new Map<string, Promise<unknown>>();
  /** By the child's name. */
  const children = new Map<string, PromiseWithResolvers<ChildExit>>();
  let stopping = false;

  async function runAll(app: AppPlan, release: string): Promise<void> {
    const startedMs = performance.now();
    const timeoutMs = app.releaseTimeoutMs ?? defaultTimeoutMs;
    for (const line of app.release ?? []) {
      if (stopping) throw releaseStopped({ app: app.name });
      note("info", app.name, `release: ${line}`);
      await runOne(app, release, line, timeoutMs - (performance.now() - startedMs));
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    note("info", app.name, `release: done in ${seconds}s`);
  }

  async function runOne(
    app: AppPlan,
    release: string,
    line: string,
    timeoutMs: number,
  ): Promise<void> {
    const name = releaseName(app.name);
    const fromFiles = readEnvFiles(app.envFiles ?? [], app);
    const ended = Promise.withResolvers<ChildExit>();
    children.set(name, ended);
    let isLate = false;
    try {
      await keeper.spawn({
        name,
        command: releaseCommand(app, line, process.umask()),
        cwd: app.cwd,
        env: releaseEnvironment(app, release, fromFiles),
        ...(app.user === undefined ? {} : { user: { uid: app.user.uid, gid: app.user.gid } }),
        listeners: [],
        copies: 0,
        tag: { kind: "release", app: app.name },
      });
    } catch (cause) {
      children.delete(name);
      throw failureOf(app, line, `cannot be started: ${(cause as Error).message}`, [], cause);
    }
    const timer = setTimeout(
      () => {
        isLate = true;
        void end(name);
      },
      Math.max(0, timeoutMs),
    );
    const exit = await ended.promise;
    clearTimeout(timer);
    if (stopping) throw releaseStopped({ app: app.name });
    const limit = app.releaseTimeoutMs ?? defaultTimeoutMs;
    if (isLate) throw failureOf(app, line, `took longer than ${limit / 1000}s`, exit.stderr);
    if (exit.code !== 0) throw failureOf(app, line, describeExit(exit), exit.stderr);
  }

  function failureOf(
    app: AppPlan,
    line: string,
    reason: string,
    lines: readonly string[],
    cause?: unknown,
  ): Error {
    return releaseFailed({ app: app.name, line, reason, lines, place: app.place }, cause);
  }

  /** TERM, then KILL; resolves when it has ended. */
  async function end(name: string, now = false): Promise<void> {
    const child = children.get(name);
    if (child === undefined) return;
    const signal = (which: NodeJS.Signals): void => {
      keeper.signal(name, which).catch(() => {}); // the keeper is gone
    };
    signal(now ? "SIGKILL" : "SIGTERM");
    const timer = setTimeout(signal, graceMs, "SIGKILL");
    await child.promise;
    clearTimeout(timer);
  }

  async function afterOthers(app: AppPlan, release: string): Promise<void> {
    const old = children.get(releaseName(app.name));
    if (old !== undefined) await old.promise; // begun by a stackd before
    await runAll(app, release);
  }

  async function run(app: AppPlan, release: string): Promise<void> {
    if ((app.release ?? []).length === 0) return;
    const turn = (queues.get(app.name) ?? Promise.resolve()).then(() => afterOthers(app, release));
    queues.set(
      app.name,
      turn.catch(() => {}),
    );
    try {
      await turn;
      starts.set(app.name, { phase: "done" });
    } catch (error) {
      // What serves already goes on.
      if (starts.get(app.name)?.phase !== "done") {
        starts.set(app.name, { phase: "failed", error: reportOf(error) });
      }
      throw error;
    } finally {
      context.onChange();
    }
  }

  return {
    run,
    prepare(app, release) {
      const progress = starts.get(app.name);
      if ((app.release ?? []).length === 0 || progress?.phase === "done") return true;
      if (progress !== undefined) return false;
      starts.set(app.name, { phase: "running" });
      run(app, release).catch((error: Error) => note("error", app.name, error.message));
      return false;
    },
    phase: (app) => starts.get(app)?.phase ?? "none",
    error(app) {
      const progress = starts.get(app);
      return progress?.phase === "failed" ? progress.error : null;
    },
    retry(app) {
      if (starts.get(app)?.phase === "failed") starts.delete(app);
    },
    skip: (app) => void starts.set(app, { phase: "done" }),
    forget: (app) => void starts.delete(app),
    adopt({ name, tag }) {
      if ((tag as { readonly kind?: unknown }).kind !== "release") return false;
      children.set(name, Promise.withResolvers());
      return true;
    },
    exited(exit) {
      const child = children.get(exit.name);
      children.delete(exit.name);
      child?.resolve(exit);
      return child !== undefined;
    },
    async stop(now) {
      stopping = true;
      await Promise.all([...children.keys()].map((name) => end(name, now)));
    },
  };
}
