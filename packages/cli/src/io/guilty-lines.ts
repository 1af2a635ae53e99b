/** The last words of the service that kept a start from succeeding. */
import { type ErrorReport, exitCodes, reportOf } from "@stack/base";
import type { StatusData } from "@stack/control";
import { readLogs } from "@stack/process";
import type { StackPlace } from "./session.ts";

const mostLines = 20;

/**
 * What it wrote to standard error since the start, at most 20 lines; none when the error itself
 * already shows them, or when no service is to blame.
 *
 * @param since ISO 8601 UTC
 */
export function readGuiltyLines(
  place: StackPlace,
  error: unknown,
  status: StatusData | null,
  since: string,
): readonly string[] {
  const report = reportOf(error);
  const name = guiltyName(report, status);
  if (report.exit !== exitCodes.appNotReady || name === undefined) return [];
  const lines = readLogs({ folder: place.paths.logs, names: [name], lines: 500 })
    .filter(({ at, stream }) => stream === "err" && at >= since)
    .map(({ text }) => text)
    .slice(-mostLines);
  const shown = (report.facts ?? []).join("\n");
  const isShown = lines.some((line) => line.trim() !== "" && shown.includes(line.trim()));
  return isShown ? [] : lines;
}

/** "apps.web.app" is about web; without a place it is whoever crashed. */
function guiltyName(report: ErrorReport, status: StatusData | null): string | undefined {
  const named = /^(?:apps|programs)\.([^.[]+)/.exec(report.place?.configPath ?? "")?.[1];
  if (named !== undefined) return named;
  const all = [...(status?.apps ?? []), ...(status?.processes ?? [])];
  return all.find(({ state }) => state === "crashed")?.name;
}
