/** What the loader's child answers, and the check of it by whoever spawned it. */
import { type ErrorReport, errorFromReport, type StackError } from "@stack/base";
import { configThrew } from "./errors.ts";
import type { ResolvedConfig } from "./plans.ts";

export type LoaderDocument =
  | { readonly ok: true; readonly config: ResolvedConfig }
  | { readonly ok: false; readonly errors: readonly ErrorReport[] };

/** How the child ended, for the case that it said nothing. */
export interface LoaderEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The caller's deadline passed, and it killed the child. */
  readonly timedOut: boolean;
  /** For the message: the name of the config. */
  readonly file?: string;
}

/** How long a config may take: it computes data, it does not wait for things. */
export const loaderDeadlineMs = 20_000;

/**
 * The config in a loader's answer.
 *
 * @param text all that arrived on descriptor 3
 * @param end when given, tells why there is no answer
 * @throws the first error of the answer; E1004 when there is none
 */
export function readLoaderOutput(text: string, end?: LoaderEnd): ResolvedConfig {
  const document = parseDocument(text);
  if (document === undefined) throw noAnswer(end);
  if (document.ok) return document.config;
  const [first] = document.errors;
  throw first === undefined ? noAnswer(end) : errorFromReport(first);
}

function parseDocument(text: string): LoaderDocument | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("ok" in value)) return undefined;
    const isOk = value.ok === true && "config" in value;
    const isFailed = value.ok === false && "errors" in value && Array.isArray(value.errors);
    return isOk || isFailed ? (value as LoaderDocument) : undefined;
  } catch {
    return undefined;
  }
}

function noAnswer(end: LoaderEnd | undefined): StackError {
  const file = end?.file ?? "deploy.config.ts";
  const how =
    end === undefined
      ? "ended the process that evaluated it"
      : end.timedOut
        ? `did not finish within ${loaderDeadlineMs / 1000} s`
        : `ended the process that evaluated it (${end.signal ?? `exit ${end.code}`})`;
  return configThrew({ place: { file }, did: how, facts: [] });
}
