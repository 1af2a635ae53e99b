/**
 * One line of a log file: `<ISO 8601 UTC> <source> <out|err> <text>`. The source is a child's name
 * ("edge", "jobs") or, on lines that carry a worker's mark, the worker's ("shop-1.2").
 */

export interface LogLine {
  readonly at: string;
  readonly source: string;
  readonly stream: "out" | "err";
  readonly text: string;
}

/** With its newline; one inside the text would forge a line and becomes a space. */
export function formatLogLine(line: LogLine): string {
  const text = line.text.includes("\n") ? line.text.replaceAll("\n", " ") : line.text;
  return `${line.at} ${line.source} ${line.stream} ${text}\n`;
}

const pattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S+) (out|err) ?(.*)$/s;

/** Undefined when the line is not one of ours. */
export function parseLogLine(line: string): LogLine | undefined {
  const match = pattern.exec(line);
  if (match === null) return undefined;
  const [, at = "", source = "", stream, text = ""] = match;
  return { at, source, stream: stream === "err" ? "err" : "out", text };
}

/** Lines of several files in the order of their times; lines of one file keep their order. */
export function mergeLogLines(files: readonly (readonly LogLine[])[]): LogLine[] {
  // The times are ISO in UTC and of one length, so they sort as strings; `sort` is stable.
  return files.flat().sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/**
 * Whether a line belongs to what was asked for: "shop" is every instance and worker of the app,
 * "shop-1" an instance, "shop-1.2" a worker, "jobs" a program. No names: every line.
 */
export function belongsTo(source: string, names: readonly string[]): boolean {
  return (
    names.length === 0 ||
    names.some((name) => {
      if (source === name) return true;
      if (!source.startsWith(name)) return false;
      return /^(?:-\d+)?(?:\.(?:\d+|release))?$/.test(source.slice(name.length));
    })
  );
}
