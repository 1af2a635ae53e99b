/**
 * From a child's pipe to its log file: each line gets its time and its source, which is the
 * worker's name where the line carries a worker's mark.
 */
import type { Readable } from "node:stream";
import { parseMark } from "@stack/control";
import { formatLogLine, type LogLine } from "../core/log-line.ts";
import { createLineSplitter } from "../core/split-lines.ts";

/**
 * Reads `stream` to its end.
 *
 * @param name the source of lines without a mark
 * @param write takes what one read completed: whole formatted lines
 * @param onLine sees each line on its own
 */
export function captureOutput(
  stream: Readable,
  name: string,
  kind: LogLine["stream"],
  write: (lines: string) => void,
  onLine?: (line: LogLine) => void,
): void {
  let completed = "";
  const splitter = createLineSplitter((raw) => {
    const { id, text } = parseMark(raw);
    const line: LogLine = {
      at: new Date().toISOString(),
      source: id ?? name,
      stream: kind,
      text,
    };
    completed += formatLogLine(line);
    onLine?.(line);
  });
  const pass = (): void => {
    if (completed === "") return;
    const lines = completed;
    completed = "";
    write(lines);
  };
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    splitter.push(chunk);
    pass();
  });
  stream.on("error", () => {}); // the pipe is gone: so is who wrote to it
  stream.on("close", () => {
    splitter.flush();
    pass();
  });
}
