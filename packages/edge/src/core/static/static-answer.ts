/**
 * What to say about a file: its header lines, and which of 200, 206, 304, 412 and 416 a request with
 * conditions gets (RFC 9110 §13.2.2, §14.2). Pure.
 */
import {
  decideRange,
  evaluatePreconditions,
  formatHttpDate,
  headerValue,
  ifRangeHolds,
  lineStride,
  type RangeDecision,
  type Representation,
  type RequestHead,
} from "@stack/protocols";
import { lookup } from "mrmime";

/** Facts of a file, times and numbers as the kernel has them. */
export interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
}

export interface StaticRepresentation extends Representation {
  readonly etag: string;
  readonly mtimeMs: number;
  /** Of the content, whatever its coding. */
  readonly type: string;
  /** Of a 200 and 206, but for the type. */
  readonly lines: string;
  /** Of a 200 and 206. */
  readonly fields: string;
  /** Of a 304: no Content-Type (RFC 9110 §15.4.5). */
  readonly validators: string;
}

/** What a file's answer says besides the facts. */
export interface StaticDescription {
  readonly type: string;
  /** More header lines, each ended by CRLF. */
  readonly lines: string;
  /** Content-Encoding; "" for none. */
  readonly encoding: string;
  /** It has variants by Accept-Encoding. */
  readonly varies: boolean;
}

export type StaticDecision =
  | RangeDecision
  | { readonly kind: "not-modified" }
  | { readonly kind: "failed" };

export function describeFile(
  description: StaticDescription,
  facts: FileFacts,
  nowMs: number,
): StaticRepresentation {
  // The inode tells apart files that a build gave the same time and that have the same size.
  const etag = `"${facts.mtimeNs.toString(36)}-${facts.size.toString(36)}-${facts.ino.toString(36)}"`;
  // RFC 9110 §8.8.2.1: never later than the answer's own Date.
  return formatRepresentation(description, etag, Math.min(facts.mtimeMs, nowMs));
}

/** The same file in a coding made on the way: equal in meaning, not in bytes (RFC 9110 §8.8.1). */
export function describeCoded(
  description: StaticDescription,
  original: StaticRepresentation,
): StaticRepresentation {
  return formatRepresentation(description, `W/${original.etag}`, original.mtimeMs);
}

function formatRepresentation(
  { type, lines: more, encoding, varies }: StaticDescription,
  etag: string,
  mtimeMs: number,
): StaticRepresentation {
  const vary = varies ? "Vary: Accept-Encoding\r\n" : "";
  const validators = `ETag: ${etag}\r\nLast-Modified: ${formatHttpDate(mtimeMs)}\r\n${vary}${more}`;
  const coding = encoding === "" ? "" : `Content-Encoding: ${encoding}\r\n`;
  // Ranges of a coded file that is made anew could be of different bytes.
  const ranges = etag.startsWith("W/") ? "" : "Accept-Ranges: bytes\r\n";
  const lines = `${coding}${validators}${ranges}`;
  return { etag, mtimeMs, type, validators, lines, fields: `Content-Type: ${type}\r\n${lines}` };
}

/** "text/css; charset=utf-8"; application/octet-stream for what is not known. */
export function contentType(name: string): string {
  const type = name.includes(".") ? lookup(name) : undefined;
  if (type === undefined) return "application/octet-stream";
  const isText =
    type.startsWith("text/") ||
    /^application\/(?:javascript|json|manifest\+json|ld\+json|xml)$|\+xml$/.test(type);
  return isText ? `${type}; charset=utf-8` : type;
}

/** Whether any line could make the answer other than a 200: a quick look, no line is read. */
export function hasConditions(head: RequestHead): boolean {
  const { text, lines, lineCount } = head;
  for (let index = 0; index < lineCount; index += 1) {
    const start = lines[index * lineStride] ?? 0;
    const first = text.charCodeAt(start) | 32;
    // "if-…" or "range"
    if (first === 105 && text.charCodeAt(start + 2) === 45) return true;
    if (first === 114 && (lines[index * lineStride + 1] ?? 0) - start === 5) return true;
  }
  return false;
}

/**
 * For HEAD, and for GET, which is what the answer to any other method is that an app makes with a
 * file. A Range counts for GET only (RFC 9110 §14.2).
 */
export function decideStaticAnswer(
  head: RequestHead,
  file: Representation,
  size: number,
  nowMs: number,
): StaticDecision {
  const outcome = evaluatePreconditions(
    "GET",
    {
      ifMatch: headerValue(head, "if-match"),
      ifNoneMatch: headerValue(head, "if-none-match"),
      ifModifiedSince: headerValue(head, "if-modified-since"),
      ifUnmodifiedSince: headerValue(head, "if-unmodified-since"),
    },
    file,
    nowMs,
  );
  if (outcome === 304) return { kind: "not-modified" };
  if (outcome === 412) return { kind: "failed" };
  if (head.method === "HEAD") return { kind: "whole" };
  if (!ifRangeHolds(headerValue(head, "if-range"), file, nowMs)) return { kind: "whole" };
  return decideRange(headerValue(head, "range"), size);
}
