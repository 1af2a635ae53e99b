/** `stack logs`: read from the files, so it works when nothing runs, and after a crash. */
import { existsSync } from "node:fs";
import { exitCodes } from "@stack/base";
import { type LogLine, readLogs } from "@stack/process";
import { commandHelp } from "../core/help.ts";
import { createLogFormatter } from "../core/log-format.ts";
import { decideColor } from "../core/paint.ts";
import { badArguments, notRunning } from "../errors.ts";
import { streamLogs } from "../io/log-stream.ts";
import { createSession, findStack, type Invocation, type Session } from "../io/session.ts";
import { untilInterrupted } from "../io/signals.ts";

const defaultLines = 100;

export async function runLogs(
  { context, flags }: Invocation,
  names: readonly string[],
  options: { readonly follow?: true | undefined; readonly lines?: string | undefined },
): Promise<number> {
  const session = createSession(context, flags);
  const lines = parseCount(options.lines);
  const place = findStack(session, flags);
  const folder = place.paths.logs;
  if (!existsSync(folder)) throw notRunning({ folder: place.folder });
  const write = createLineWriter(session);

  if (options.follow !== true) {
    const found = lines === 0 ? [] : readLogs({ folder, names, lines });
    if (session.json) session.data("logs", { lines: found });
    else for (const line of found) write(line);
    return exitCodes.ok;
  }
  const stop = new AbortController();
  const interrupted = untilInterrupted(session.timeoutMs);
  streamLogs({ folder, names, lines }, (line) => write(line), stop.signal);
  await interrupted;
  stop.abort();
  return exitCodes.ok;
}

/** With `--json` a follower prints one document per line. */
function createLineWriter(session: Session): (line: LogLine) => void {
  if (session.json) return (line) => session.data("log", line);
  const { stdout, env } = session.context;
  const format = createLogFormatter({
    color: decideColor(env, stdout.isTTY === true),
    time: true,
    offsetMinutes: -new Date().getTimezoneOffset(),
  });
  return (line) => session.print(format(line));
}

function parseCount(text: string | undefined): number {
  if (text === undefined) return defaultLines;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw badArguments({
    problem: `-n takes a number of lines, not "${text}"`,
    usage: commandHelp.logs.usage,
  });
}
