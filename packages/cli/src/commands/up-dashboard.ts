/** `stack up` in a terminal: the dashboard over a stack that we own. */
import { exitCodes } from "@stack/base";
import { endedByItself } from "../errors.ts";
import type { Session, StackPlace } from "../io/session.ts";
import { showDashboard } from "../io/show-dashboard.ts";
import { onEnding } from "../io/signals.ts";
import type { StartedStack } from "../io/start-stack.ts";
import { stopStack } from "../io/stop-stack.ts";

export async function stayWithDashboard(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
): Promise<number> {
  const close = new AbortController();
  const hurry = new AbortController();
  let end: "stopped" | "killed" | undefined;
  void stack.follow.ended.then((how) => {
    end = how;
    close.abort();
  });
  const left = new AbortController();
  using _signals = onEnding(() => {
    if (left.signal.aborted) hurry.abort();
    else close.abort();
  });
  const choice = await showDashboard(session, place, { owner: true, signal: close.signal });
  left.abort(); // from here on Ctrl-C is a signal again, and means: at once
  const name = stack.status()?.stack ?? "the stack";
  if (end === "killed") throw endedByItself({ stack: name, logs: place.paths.logs });
  if (end === "stopped") {
    session.say(`${name} was stopped from elsewhere`);
    return exitCodes.ok;
  }
  if (choice === "detach") {
    await stack.follow.disown();
    session.say(`${name} goes on. \`stack top\` comes back to it, \`stack down\` stops it`);
    return exitCodes.ok;
  }
  await stopStack(session, place, stack.follow, stack.status(), {
    now: false,
    hurry: hurry.signal,
  });
  return exitCodes.ok;
}
