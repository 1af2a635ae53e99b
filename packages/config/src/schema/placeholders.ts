/** Texts with names in braces that are filled in later: only known names may stand there. */
import type { z } from "zod";
import { suggest } from "../core/suggest.ts";

/** What a line of the access log can say. */
export const accessLogFields = [
  "time",
  "time-common",
  "client",
  "user",
  "method",
  "host",
  "path",
  "query",
  "protocol",
  "request",
  "status",
  "bytes",
  "duration",
  "app",
  "worker",
  "queue",
  "connect",
  "first-byte",
  "release",
  "cache",
  "upstream",
  "route",
  "id",
  "trace",
  "referer",
  "agent",
] as const;

/** `rest` is what the star of a prefix stood for. */
export const redirectFields = ["path", "rest", "query", "host"] as const;

/** A check for `superRefine`. */
export function onlyFields(
  known: readonly string[],
): (text: string, context: z.core.$RefinementCtx<string>) => void {
  return (text, context) => {
    for (const message of unknownFields(text, known)) {
      context.addIssue({ code: "custom", message });
    }
  };
}

/** One message for each name in braces that is not known. */
export function unknownFields(text: string, known: readonly string[]): readonly string[] {
  return [...text.matchAll(/\{([a-zA-Z0-9_-]+)\}/g)].flatMap(([written, name = ""]) => {
    if (known.includes(name)) return [];
    const near = suggest(name, known);
    const listed = known.map((field) => `{${field}}`).join(" ");
    const fix = near === undefined ? `Known: ${listed}` : `Did you mean {${near}}?`;
    return [`${written} is not known here. ${fix}`];
  });
}

/** A format is a name, or a template with at least one field: anything else is a slip. */
export function accessLogFormat(text: string, context: z.core.$RefinementCtx<string>): void {
  if (text === "json" || text === "combined") return;
  if (/\{[a-zA-Z-]+\}/.test(text)) {
    onlyFields(accessLogFields)(text, context);
    return;
  }
  const near = suggest(text, ["json", "combined"]);
  const fix =
    near === undefined
      ? 'Use "json", "combined" or a template like "{client} {method} {path} {status}"'
      : `Did you mean "${near}"?`;
  context.addIssue({ code: "custom", message: `${JSON.stringify(text)} is no format. ${fix}` });
}
