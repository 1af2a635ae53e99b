/** Starts a stack and sees it ready, or stops what was started and says whose fault it was. */
import { StackError } from "@stack/base";
import type { ResolvedConfig } from "@stack/config";
import type { StackEvent, StatusData } from "@stack/control";
import { cleanEnvironment } from "@stack/process";
import { type KeeperOptions, startKeeper } from "@stack/supervisor";
import { formatReadyLine, newlyReady } from "../core/up-lines.ts";
import { readStatus, waitFor } from "./connect.ts";
import { resolveEntries } from "./entries.ts";
import { type FollowedStack, followStack } from "./follow-stack.ts";
import type { Session, StackPlace } from "./session.ts";

export interface StartOptions
  extends Pick<KeeperOptions, "state" | "port" | "freePorts" | "owned" | "watch"> {
  /** May still be loading: keeper and stackd start meanwhile, and get it then. */
  readonly config: ResolvedConfig | Promise<ResolvedConfig>;
  readonly onEvent?: (event: StackEvent) => void;
}

export interface StartedStack extends Disposable {
  readonly follow: FollowedStack;
  /** Of `performance.now()`, before the keeper was started. */
  readonly startedMs: number;
  /** The same as ISO 8601 UTC. */
  readonly startedAt: string;
  /** Of the last snapshot. */
  readonly status: () => StatusData | null;
  /** Takes in a status that was asked for: what is newly ready in it is announced. */
  readonly show: (status: StatusData) => void;
  /** From now on ready services are no longer announced. */
  readonly hush: () => void;
}

/** Throws what keeps it from starting at all; afterwards the services are on their way. */
export async function startStack(
  session: Session,
  place: StackPlace,
  options: StartOptions,
): Promise<StartedStack> {
  const startedMs = performance.now();
  const startedAt = new Date().toISOString();
  const { config: loading, onEvent, ...keeper } = options;
  const [start, load] = await Promise.allSettled([
    startKeeper(
      { config: place.config, ...resolveEntries(), ...keeper },
      cleanEnvironment(session.context.env),
      Promise.resolve(loading),
    ),
    loading,
  ]);
  if (load.status === "rejected") {
    if (start.status === "fulfilled") process.kill(start.value.pid, "SIGTERM"); // the config is not what it was a moment ago
    throw load.reason;
  }
  if (start.status === "rejected") throw start.reason;
  const started = start.value;
  const config = load.value;
  let last: StatusData | null = null;
  let quiet = false;
  const announced = new Set<string>();
  const sign = session.talkPaint("good", session.unicode ? "✓" : "ok");
  const onStatus = (status: StatusData): void => {
    last = status;
    if (quiet) return;
    for (const row of newlyReady(status, config, announced)) {
      announced.add(row.name);
      session.say(formatReadyLine(row, performance.now() - startedMs, sign, session.unicode));
    }
  };
  const follow = await followStack(place, started.pid, {
    own: options.owned === true,
    onStatus,
    ...(onEvent === undefined ? {} : { onEvent }),
  });
  return {
    follow,
    startedMs,
    startedAt,
    status: () => last,
    show: onStatus,
    hush() {
      quiet = true;
    },
    [Symbol.dispose]: () => follow[Symbol.dispose](),
  };
}

/** Resolves when all is ready; throws what a service died of, or E6005 at `--timeout`. */
export async function waitUntilReady(session: Session, stack: StartedStack): Promise<void> {
  await waitFor(session, () => notReady(stack.status()), waitReady(stack.follow));
  // The answer may be faster than the snapshot that would tell of the last service.
  stack.show(await readStatus(await stack.follow.client()));
}

async function waitReady(follow: FollowedStack): Promise<void> {
  for (;;) {
    const client = await follow.client();
    try {
      await client.request({ op: "wait-ready" });
      return;
    } catch (error) {
      if (error instanceof StackError) throw error;
      await follow.client(); // stackd was replaced while we waited: ask its successor
    }
  }
}

/** "guestbook and api to be ready" */
function notReady(status: StatusData | null): string {
  const services = [
    ...(status?.apps ?? []),
    ...(status?.processes ?? []).filter(({ kind }) => kind !== "app"),
  ];
  const names = services.filter(({ state }) => state !== "ready").map(({ name }) => name);
  const shown = names.length === 0 ? "all services" : names.slice(0, 5).join(", ");
  return `${shown} to be ready`;
}
