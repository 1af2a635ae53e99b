/** The end of a start that failed: whose last words those were, everything stopped, then the error. */
import type { Session, StackPlace } from "../io/session.ts";
import { guiltyLines, type StartedStack } from "../io/start-stack.ts";
import { stopStack } from "../io/stop-stack.ts";

/** Prints the last words of the guilty process, stops what was started, throws the error. */
export async function failStart(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
  error: unknown,
): Promise<never> {
  stack.hush();
  for (const line of guiltyLines(stack.status(), error)) session.say(`  | ${line}`);
  await stopStack(session, place, stack.follow, null, { now: true });
  throw error;
}
