/** The end of a start that failed: whose last words those were, everything stopped, then the error. */
import { StackError } from "@stack/base";
import { sanitizeLine } from "@stack/dashboard";
import { reportAfterStop } from "../core/report-after-stop.ts";
import { readGuiltyLines } from "../io/guilty-lines.ts";
import type { Session, StackPlace } from "../io/session.ts";
import type { StartedStack } from "../io/start-stack.ts";
import { stopStack } from "../io/stop-stack.ts";

/** Prints the last words of the guilty process, stops what was started, throws the error. */
export async function failStart(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
  error: unknown,
): Promise<never> {
  stack.hush();
  for (const line of readGuiltyLines(place, error, stack.status(), stack.startedAt)) {
    session.say(`  | ${sanitizeLine(line)}`);
  }
  await stopStack(session, place, stack.follow, null, { now: true });
  if (!(error instanceof StackError)) throw error;
  throw new StackError(error.code, reportAfterStop(error.report), error.cause);
}
