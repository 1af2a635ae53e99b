/** Stops a stack that we follow, with words, and sees that it is gone. */
import { formatDuration } from "@stack/base";
import type { StatusData } from "@stack/control";
import { cannotStop } from "../errors.ts";
import type { FollowedStack } from "./follow-stack.ts";
import { waitUntilGone } from "./gone.ts";
import type { Session, StackPlace } from "./session.ts";

/** Stopping at once is signals and their reaping; a drain has the app's own deadlines, which stackd keeps. */
const nowMs = 15_000;
const drainMs = 10 * 60_000;

export interface StopOptions {
  readonly now: boolean;
  /** Aborted by a second Ctrl-C: stops at once. */
  readonly hurry?: AbortSignal;
}

export async function stopStack(
  session: Session,
  place: StackPlace,
  follow: FollowedStack,
  status: StatusData | null,
  options: StopOptions,
): Promise<void> {
  const startedMs = performance.now();
  const inFlight = (status?.apps ?? []).reduce((sum, app) => sum + app.inFlight, 0);
  if (!options.now) {
    session.say(`stopping: no new requests, ${inFlight} in flight. Ctrl-C again stops at once`);
  }
  const ask = async (now: boolean): Promise<void> => {
    const client = await follow.client();
    await client.request({ op: "down", now });
  };
  // stackd ends with the rest, often before it has answered: what counts is that all is gone.
  const ignore = (): void => {};
  ask(options.now).catch(ignore);
  const hurry = (): void => {
    session.say("stopping at once");
    ask(true).catch(ignore);
  };
  options.hurry?.addEventListener("abort", hurry);
  let gone = await waitUntilGone(place, follow.keeperPid, options.now ? nowMs : drainMs);
  if (!gone) {
    // stackd does not do as it is told: the keeper itself ends everything on TERM.
    process.kill(follow.keeperPid, "SIGTERM");
    gone = await waitUntilGone(place, follow.keeperPid, nowMs);
  }
  options.hurry?.removeEventListener("abort", hurry);
  if (!gone) throw cannotStop({ pid: follow.keeperPid, logs: place.paths.logs });
  const tookMs = performance.now() - startedMs;
  const took = tookMs < 10_000 ? `${(tookMs / 1000).toFixed(1)}s` : formatDuration(tookMs);
  const count = status === null ? "" : `, all ${countProcesses(status)} processes ended`;
  const sign = session.talkPaint("good", session.unicode ? "✓" : "ok");
  session.say(
    `${sign} ${options.now || options.hurry?.aborted === true ? "stopped" : "drained"} in ${took}${count}`,
  );
}

export function countProcesses(status: StatusData): number {
  const alive = (pid: number | null): number => (pid === null ? 0 : 1);
  const workers = status.apps.flatMap((app) => app.workers);
  return [...status.processes, ...workers].reduce((sum, { pid }) => sum + alive(pid), 0);
}
