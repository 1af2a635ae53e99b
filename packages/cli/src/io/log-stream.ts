/** The merged log as it grows, with some of what came before; no line is missed between the two. */
import { followLogs, type LogLine, readLogs } from "@stack/process";

export interface LogStreamOptions {
  readonly folder: string;
  readonly names: readonly string[];
  /** How many earlier lines to begin with. */
  readonly lines: number;
  /** Earlier lines only from then on, ISO 8601 UTC. */
  readonly since?: string;
}

/** Calls back with one line after the other until the signal aborts. */
export function streamLogs(
  options: LogStreamOptions,
  onLine: (line: LogLine) => void,
  signal: AbortSignal,
): void {
  const { folder, names, lines, since = "" } = options;
  const early: LogLine[] = [];
  let deliver = (line: LogLine): void => {
    early.push(line);
  };
  // Followed from before the files are read: what is written in between comes twice at most.
  followLogs(
    { folder, names },
    (fresh) => {
      for (const line of fresh) deliver(line);
    },
    signal,
  );
  const past = lines === 0 ? [] : readLogs({ folder, names, lines });
  for (const line of past) if (line.at >= since) onLine(line);
  const known = new Set(past.map((line) => JSON.stringify(line)));
  deliver = (line) => {
    // The first events may still tell of lines that were read just now.
    if (known.size > 0 && known.delete(JSON.stringify(line))) return;
    onLine(line);
  };
  for (const line of early) deliver(line);
  setTimeout(() => known.clear(), 1_000).unref();
}
