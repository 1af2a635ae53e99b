/**
 * `up --watch`: has stackd reload the apps whose files change, one reload after the other. It lives
 * in the command, not in stackd: what is being written is being written in front of a terminal.
 */
import { type ErrorReport, exitCodes, reportOf, StackError } from "@stack/base";
import type { ResolvedConfig } from "@stack/config";
import type { ClientRequest, ControlClient } from "@stack/control";
import { ownerOf, planWatch } from "../core/watch-plan.ts";
import type { FollowedStack } from "./follow-stack.ts";
import { forgetBytecode } from "./forget-bytecode.ts";
import { loadConfig } from "./load-config.ts";
import type { Session, StackPlace } from "./session.ts";
import { watchFiles } from "./watch-files.ts";

export interface WatchHooks {
  /** Apps by name; none where only the config changed. */
  readonly onReloaded: (apps: readonly string[], paths: readonly string[], tookMs: number) => void;
  readonly onFailed: (report: ErrorReport) => void;
  /** The system does not let us watch some of it. */
  readonly onBlind: (error: Error) => void;
}

/** Another change is under way: ours is tried again after this. */
const againMs = 200;

export async function reloadOnChange(
  session: Session,
  place: StackPlace,
  follow: FollowedStack,
  config: ResolvedConfig,
  hooks: WatchHooks,
): Promise<AsyncDisposable> {
  let plan = planWatch(config, place.paths.state);
  let watch = await watchFiles(plan, onChange, hooks.onBlind);
  let changed: string[] = [];
  let working = false;
  let closed = false;

  function onChange(paths: readonly string[]): void {
    changed.push(...paths);
    if (working) return;
    working = true;
    void work().finally(() => {
      working = false;
    });
  }

  async function work(): Promise<void> {
    while (changed.length > 0 && !closed) {
      const paths = changed;
      changed = [];
      await reload(paths).catch((error: unknown) => {
        if (!closed) hooks.onFailed(reportOf(error));
      });
    }
  }

  async function reload(paths: readonly string[]): Promise<void> {
    const owners = paths.map((path) => ownerOf(plan, path));
    const apps = [
      ...new Set(owners.flatMap((owner) => (owner.kind === "apps" ? owner.names : []))),
    ];
    const isConfig = owners.some(({ kind }) => kind === "config");
    for (const path of paths) forgetBytecode(path);
    const startedMs = performance.now();
    await request({ op: "reload", names: apps, only: isConfig ? "config" : "code" });
    hooks.onReloaded(apps, paths, performance.now() - startedMs);
    if (isConfig) await watchAnew();
  }

  async function request(change: ClientRequest): Promise<void> {
    while (!closed) {
      const client: ControlClient = await follow.client();
      try {
        await client.request(change);
        return;
      } catch (error) {
        const isLocked = error instanceof StackError && error.report.exit === exitCodes.locked;
        // Without a report it is the connection: stackd is being replaced.
        if (error instanceof StackError && !isLocked) throw error;
        await new Promise((resolve) => setTimeout(resolve, againMs));
      }
    }
  }

  /** The config may have other apps now, in other folders. */
  async function watchAnew(): Promise<void> {
    plan = planWatch(await loadConfig(session, place), place.paths.state);
    const old = watch;
    watch = await watchFiles(plan, onChange, hooks.onBlind);
    await old[Symbol.asyncDispose]();
  }

  return {
    async [Symbol.asyncDispose]() {
      closed = true;
      await watch[Symbol.asyncDispose]();
    },
  };
}
