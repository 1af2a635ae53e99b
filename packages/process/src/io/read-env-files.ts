/** The variables of an app's `envFile`, the later files over the earlier ones. */
import { readFileSync } from "node:fs";
import type { ConfigPlace } from "@stack/base";
import { parseEnvFile } from "../core/parse-env-file.ts";
import { envFileUnusable } from "../errors.ts";

/** @throws E2105, with the line */
export function readEnvFiles(
  files: readonly string[],
  whose: { readonly name: string; readonly place: ConfigPlace },
): Readonly<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const file of files) {
    const fail = (reason: string, line?: number, cause?: unknown): Error =>
      envFileUnusable(
        {
          app: whose.name,
          file: line === undefined ? file : `${file}:${line}`,
          reason,
          place: whose.place,
        },
        cause,
      );
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      throw fail(code === "ENOENT" ? "there is no such file" : message, undefined, cause);
    }
    const parsed = parseEnvFile(text);
    if (!parsed.ok) throw fail(parsed.problem, parsed.line);
    Object.assign(all, parsed.variables);
  }
  return all;
}
