/**
 * How a stored answer is given to a client that asks with conditions or for a part (RFC 9111 §4.3.2,
 * RFC 9110 §13, §14): the store stands in for the app here.
 */
import {
  decideRange,
  evaluatePreconditions,
  formatContentRange,
  ifRangeHolds,
  parseHttpDate,
  type RangeDecision,
} from "@stack/protocols";
import type { RequestFacts } from "./request-facts.ts";
import { ageSeconds, type StoredAnswer } from "./stored-answer.ts";
import { filterLines } from "./stored-fields.ts";

export type AnswerDecision = { readonly kind: "not-modified" } | RangeDecision;

const whole: AnswerDecision = { kind: "whole" };
const notModified: AnswerDecision = { kind: "not-modified" };

/** @param length of the stored body in bytes */
export function decideAnswer(
  method: string,
  facts: RequestFacts,
  answer: StoredAnswer,
  length: number,
  nowMs: number,
): AnswerDecision {
  const { ifNoneMatch, ifModifiedSince, range } = facts;
  // RFC 9110 §13.2.1: conditions count where the answer without them would be a 2xx
  if (answer.status < 200 || answer.status > 299) return whole;
  if (ifNoneMatch !== undefined || ifModifiedSince !== undefined) {
    const current = { etag: answer.etag || undefined, mtimeMs: answer.modifiedAt };
    const conditions = { ifNoneMatch, ifModifiedSince };
    if (evaluatePreconditions(method, conditions, current, nowMs) === 304) return notModified;
  }
  if (range === undefined || answer.status !== 200 || method !== "GET") return whole;
  const validators = {
    etag: answer.etag || undefined,
    mtimeMs: parseHttpDate(answer.lastModified, nowMs),
  };
  return ifRangeHolds(facts.ifRange, validators, nowMs) ? decideRange(range, length) : whole;
}

/** The lines to begin with: the stored ones and Age (RFC 9111 §5.1). */
export function formatAnswerFields(answer: StoredAnswer, nowMs: number): string {
  return `${answer.fields}Age: ${ageSeconds(answer, nowMs)}\r\n`;
}

/** Of a 304: no field that describes a body that is not there (RFC 9110 §15.4.5). */
export function formatNotModifiedFields(answer: StoredAnswer, nowMs: number): string {
  return filterLines(formatAnswerFields(answer, nowMs), isKeptIn304);
}

/** Of a 206, or with no part of a 416. */
export function formatPartFields(
  answer: StoredAnswer,
  nowMs: number,
  part: { readonly first: number; readonly last: number } | undefined,
  length: number,
): string {
  return `${formatAnswerFields(answer, nowMs)}Content-Range: ${formatContentRange(part, length)}\r\n`;
}

const described: ReadonlySet<string> = new Set([
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-md5",
  "content-range",
  "content-type",
]);

function isKeptIn304(name: string): boolean {
  return !described.has(name);
}
