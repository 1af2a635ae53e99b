/** `stack up` without a dashboard: a line per change of state, then the merged log, until a signal. */
import { exitCodes, reportOf } from "@stack/base";
import { createLogFormatter } from "../core/log-format.ts";
import { decideColor } from "../core/paint.ts";
import { endedByItself, timedOut } from "../errors.ts";
import { streamLogs } from "../io/log-stream.ts";
import type { Session, StackPlace } from "../io/session.ts";
import { onEnding } from "../io/signals.ts";
import { type StartedStack, waitUntilReady } from "../io/start-stack.ts";
import { stopStack } from "../io/stop-stack.ts";
import { failStart } from "./fail-start.ts";

/** @param watched a start that fails is no end: the next change of a file may repair it */
export async function stayPlain(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
  watched = false,
): Promise<number> {
  const interrupted = Promise.withResolvers<"interrupted">();
  const hurry = new AbortController();
  let signals = 0;
  using _signals = onEnding((signal) => {
    signals += 1;
    if (signal === "SIGINT" && session.context.stderr.isTTY) session.say(""); // after the "^C"
    if (signals === 1) interrupted.resolve("interrupted");
    else hurry.abort();
  });
  const stopLog = new AbortController();
  printLog(session, place, stack, stopLog.signal);

  const stop = async (): Promise<number> => {
    stack.hush();
    await stopStack(session, place, stack.follow, stack.status(), {
      now: false,
      hurry: hurry.signal,
    });
    stopLog.abort();
    return exitCodes.ok;
  };
  try {
    const ready = waitUntilReady(session, stack).then(() => "ready" as const);
    const first = await Promise.race([ready, interrupted.promise, stack.follow.ended]);
    if (first === "interrupted") return await stop();
    if (first === "ready") {
      const took = ((performance.now() - stack.startedMs) / 1000).toFixed(1);
      session.say(`ready in ${took}s.  Ctrl-C stops everything; \`stack top\` is the dashboard`);
    }
  } catch (error) {
    if (watched && !timedOut.is(error)) reportFailedStart(session, error);
    else return await failStart(session, place, stack, error);
  }
  const end = await Promise.race([interrupted.promise, stack.follow.ended]);
  if (end === "interrupted") return await stop();
  stopLog.abort();
  const name = stack.status()?.stack ?? "the stack";
  if (end === "killed") throw endedByItself({ stack: name, logs: place.paths.logs });
  session.say(`${name} was stopped from elsewhere`);
  return exitCodes.ok;
}

function reportFailedStart(session: Session, error: unknown): void {
  session.report([reportOf(error)]);
  session.say("not ready; the next change is tried again, Ctrl-C stops everything");
}

/** All lines from now on; what our own processes say about themselves only with `-v`, or when it is bad. */
function printLog(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
  signal: AbortSignal,
): void {
  const { stdout, env } = session.context;
  const format = createLogFormatter({
    color: decideColor(env, stdout.isTTY === true),
    time: false,
    offsetMinutes: 0,
  });
  const isOwn = (source: string): boolean =>
    /^(?:keeper|stackd|edge)/.test(source) ||
    (stack.status()?.processes ?? []).some(({ name, kind }) => kind === "app" && name === source);
  streamLogs(
    { folder: place.paths.logs, names: [], lines: 0 },
    (line) => {
      const isChat = line.source === "keeper" || line.text.startsWith("INFO ");
      if (!session.verbose && isChat && isOwn(line.source)) return;
      session.print(format(line));
      session.data("log", line);
    },
    signal,
  );
}
