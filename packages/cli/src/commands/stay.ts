/** The foreground of `up` and `serve`: the dashboard or plain lines over a stack that we own. */
import type { ResolvedConfig } from "@stack/config";
import type { Session, StackPlace } from "../io/session.ts";
import type { StartedStack } from "../io/start-stack.ts";
import { stayWithDashboard } from "./up-dashboard.ts";
import { stayPlain } from "./up-plain.ts";
import { watchStack } from "./up-watch.ts";

export interface StayFlags {
  readonly tui: boolean;
  readonly watch?: true | undefined;
}

/** Until a signal, or until it is stopped from elsewhere. */
export async function stay(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
  config: Promise<ResolvedConfig>,
  flags: StayFlags,
): Promise<number> {
  const watch = flags.watch === true;
  const dashboard = wantsDashboard(session, flags);
  await using _watching = watch
    ? await watchStack(session, place, stack, await config, dashboard)
    : undefined;
  if (!dashboard) return await stayPlain(session, place, stack, watch);
  stack.hush();
  return await stayWithDashboard(session, place, stack);
}

/** In a terminal on both ends, unless something says otherwise. */
function wantsDashboard(session: Session, flags: StayFlags): boolean {
  const { env, stdin, stdout } = session.context;
  if (!flags.tui || session.json || env["STACK_NO_TUI"] === "1") return false;
  if (env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false") return false;
  return stdin.isTTY === true && stdout.isTTY === true && env["TERM"] !== "dumb";
}
