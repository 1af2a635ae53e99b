/** The log files of a stack: one writer for each name, for as long as the keeper lives. */
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  captureOutput,
  createLogWriter,
  formatLogLine,
  type LogLine,
  type LogWriter,
} from "@stack/process";

export interface Logs {
  readonly capture: (
    stream: Readable | null,
    name: string,
    kind: LogLine["stream"],
    onLine?: (line: LogLine) => void,
  ) => void;
  /** A line of the keeper's own. */
  readonly note: (text: string) => void;
  /** Somebody moved the files away: what comes now goes to new ones of the same names. */
  readonly reopen: () => void;
  readonly close: () => Promise<void>;
}

export function createLogs(folder: string): Logs {
  const writers = new Map<string, LogWriter>();

  function writerOf(name: string): LogWriter {
    const known = writers.get(name);
    if (known !== undefined) return known;
    const writer = createLogWriter({ file: join(folder, `${name}.log`) });
    writers.set(name, writer);
    return writer;
  }

  return {
    capture(stream, name, kind, onLine) {
      if (stream !== null) captureOutput(stream, name, kind, writerOf(name).write, onLine);
    },
    note(text) {
      const at = new Date().toISOString();
      writerOf("keeper").write(formatLogLine({ at, source: "keeper", stream: "out", text }));
    },
    reopen() {
      for (const writer of writers.values()) writer.reopen();
    },
    async close() {
      await Promise.all([...writers.values()].map((writer) => writer.close()));
    },
  };
}
