/** What `--json` prints: one document per command, one line per event for commands that follow. */
import type { ErrorReport } from "@stack/base";

/** `{"schema":"stack.status/1","ok":true,"data":…}` */
export function formatData(command: string, data: unknown, ok = true): string {
  return JSON.stringify({ schema: `stack.${command}/1`, ok, data });
}

/** `stack.error/1`: the error blocks as data; what is wrong besides the first is in `others`. */
export function formatErrorDocument(first: ErrorReport, ...others: readonly ErrorReport[]): string {
  return JSON.stringify({
    schema: "stack.error/1",
    ok: false,
    error: errorData(first),
    ...(others.length === 0 ? {} : { others: others.map(errorData) }),
  });
}

function errorData(report: ErrorReport): object {
  return {
    code: report.code,
    exit: report.exit,
    title: report.title,
    ...(report.place === undefined
      ? {}
      : {
          configPath: report.place.configPath,
          file: report.place.file,
          line: report.place.line,
          column: report.place.column,
          value: report.place.value,
        }),
    facts: report.facts ?? [],
    fixes: report.fixes.map((text) => ({ text })),
  };
}
