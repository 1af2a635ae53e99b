/**
 * What a cache has to know of an answer, read once when it comes: nothing of it is read again on a
 * hit. Takes the lines as an exchange begins them.
 */
import { type Directives, parseDirectives } from "./directives.ts";
import { readHttpDate } from "./http-date.ts";
import { parseTargetedDirectives } from "./targeted-directives.ts";

/** An answer of the app, as `Exchange.begin` is told of it. */
export interface CacheResponse {
  readonly status: number;
  readonly reason: string;
  /** `Name: value\r\n` lines, latin-1. */
  readonly fields: string;
  /** Bytes of body announced; -1 where that is not known. */
  readonly length: number;
}

/** Dates in milliseconds since 1970. */
export interface ResponseFacts {
  /** Of CDN-Cache-Control where that is there and valid (RFC 9213 §2.2), else of Cache-Control. */
  readonly directives: Directives;
  /** True: Cache-Control and Expires do not count. */
  readonly isTargeted: boolean;
  /** Undefined where there is none, or none that can be read. */
  readonly dateMs: number | undefined;
  /** Undefined: there is none. What cannot be read is a time in the past (RFC 9111 §5.3). */
  readonly expiresMs: number | undefined;
  readonly lastModifiedMs: number | undefined;
  /** The last two as received; "" for none. */
  readonly lastModified: string;
  readonly etag: string;
  /** Seconds (RFC 9111 §5.1): the first of a list; 0 for none and for what is no number. */
  readonly age: number;
  /** Of all Vary lines, joined; "" for none. */
  readonly vary: string;
  readonly contentLocation: string;
  readonly location: string;
  /** Of all Cache-Tag lines. */
  readonly tags: readonly string[];
  readonly setsCookie: boolean;
  readonly hasDate: boolean;
  /** Names of Connection, in lower case; null for none. */
  readonly connectionFields: readonly string[] | null;
}

/** Pragma is a request's: one of an answer does not count (RFC 9111 §5.4). Several lines are joined as RFC 9110 §5.3 has it. */
const interesting: ReadonlySet<string> = new Set([
  "age",
  "cache-control",
  "cache-tag",
  "cdn-cache-control",
  "connection",
  "content-location",
  "date",
  "etag",
  "expires",
  "last-modified",
  "location",
  "set-cookie",
  "vary",
]);

export function readResponseFacts(fields: string, nowMs: number): ResponseFacts {
  const values = readFields(fields);
  const cacheControl = values.get("cache-control");
  const targeted = parseTargetedDirectives(values.get("cdn-cache-control"));
  const expires = values.get("expires");
  const lastModified = values.get("last-modified") ?? "";
  const date = values.get("date");
  return {
    directives: targeted ?? parseDirectives(cacheControl ?? ""),
    isTargeted: targeted !== undefined,
    dateMs: date === undefined ? undefined : readHttpDate(date, nowMs),
    expiresMs: expires === undefined ? undefined : (readHttpDate(expires, nowMs) ?? 0),
    lastModified,
    lastModifiedMs: lastModified === "" ? undefined : readHttpDate(lastModified, nowMs),
    etag: values.get("etag") ?? "",
    age: readAge(values.get("age")),
    vary: values.get("vary") ?? "",
    contentLocation: values.get("content-location") ?? "",
    location: values.get("location") ?? "",
    tags: splitList(values.get("cache-tag") ?? ""),
    setsCookie: values.has("set-cookie"),
    hasDate: date !== undefined,
    connectionFields: lowerList(values.get("connection")),
  };
}

function readFields(fields: string): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at < fields.length; ) {
    const end = lineEnd(fields, at);
    const colon = fields.indexOf(":", at);
    if (colon > at && colon < end) {
      const name = fields.slice(at, colon).toLowerCase();
      if (interesting.has(name)) {
        const value = fields.slice(colon + 1, end).trim();
        const earlier = values.get(name);
        values.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
      }
    }
    at = end + 2;
  }
  return values;
}

/** Where the line that begins at `at` ends; its CRLF follows. */
export function lineEnd(fields: string, at: number): number {
  const end = fields.indexOf("\r\n", at);
  return end < 0 ? fields.length : end;
}

function readAge(value: string | undefined): number {
  if (value === undefined) return 0;
  const first = value.split(",", 1)[0] as string;
  return /^\d+$/.test(first.trim()) ? Math.min(Number(first), 2 ** 31) : 0;
}

function lowerList(value: string | undefined): readonly string[] | null {
  return value === undefined ? null : splitList(value.toLowerCase());
}

function splitList(value: string): readonly string[] {
  if (value === "") return [];
  return value
    .split(",")
    .map((element) => element.trim())
    .filter((element) => element !== "");
}
