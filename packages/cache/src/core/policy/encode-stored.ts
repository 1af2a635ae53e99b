/**
 * What the policy keeps of an answer as text for a store: a line of numbers, a line per list, then
 * the fields. Header values have no line feed, so nothing is escaped. What was written by another
 * version, or damaged, is nothing: it is fetched anew.
 */
import type { CacheRecord } from "../cache-record.ts";
import type { CachePolicy } from "./cache-policy.ts";
import { staleWindow } from "./decide-store.ts";
import type { Stored, StoredAnswer, VariantIndex } from "./stored-answer.ts";

const answerMark = "A1";
const indexMark = "V1";
const flagBits = { alwaysValidate: 1, neverStale: 2 } as const;

export function encodeStored(stored: Stored): string {
  return stored.kind === "answer" ? encodeAnswer(stored) : encodeIndex(stored);
}

/** Undefined for what was not written by this version of `encodeStored`. */
export function decodeStored(meta: string): Stored | undefined {
  if (meta.startsWith(`${answerMark} `)) return decodeAnswer(meta);
  return meta.startsWith(`${indexMark} `) ? decodeIndex(meta) : undefined;
}

/** The record of an answer. @param body whole, owned by the record */
export function createAnswerRecord(
  answer: StoredAnswer,
  body: Buffer,
  policy: CachePolicy,
): CacheRecord {
  return {
    meta: encodeAnswer(answer),
    body,
    storedAt: answer.receivedAt,
    keepUntil: keepUntil(answer, policy),
    tags: answer.tags,
  };
}

/** The record of a variants' index. It is to last as long as what it leads to. */
export function createIndexRecord(
  index: VariantIndex,
  answer: StoredAnswer,
  policy: CachePolicy,
): CacheRecord {
  return {
    meta: encodeIndex(index),
    body: Buffer.alloc(0),
    storedAt: answer.receivedAt,
    keepUntil: keepUntil(answer, policy),
    tags: [],
  };
}

function keepUntil(answer: StoredAnswer, policy: CachePolicy): number {
  const canBeValidated = answer.etag !== "" || answer.lastModified !== "";
  const keepMs = canBeValidated ? policy.keepStaleMs : 0;
  return Math.max(answer.freshUntil, answer.bornAt) + Math.max(staleWindow(answer, policy), keepMs);
}

function encodeAnswer(answer: StoredAnswer): string {
  const flags =
    (answer.alwaysValidate ? flagBits.alwaysValidate : 0) +
    (answer.neverStale ? flagBits.neverStale : 0);
  const { status, receivedAt, bornAt, freshUntil, modifiedAt } = answer;
  const { staleWhileRevalidateMs, staleIfErrorMs, vary, selectedBy, tags } = answer;
  return `${answerMark} ${status} ${flags} ${receivedAt} ${bornAt} ${freshUntil} ${modifiedAt} ${staleWhileRevalidateMs} ${staleIfErrorMs}
${answer.reason}
${answer.etag}
${answer.lastModified}
${answer.release}
${vary.join(" ")}
${selectedBy.join("\t,")}
${tags.join(",")}
${answer.fields}`;
}

function decodeAnswer(meta: string): StoredAnswer | undefined {
  const cursor: Cursor = { meta, at: answerMark.length + 1 };
  const status = takeNumber(cursor, " ");
  const flags = takeNumber(cursor, " ");
  const receivedAt = takeNumber(cursor, " ");
  const bornAt = takeNumber(cursor, " ");
  const freshUntil = takeNumber(cursor, " ");
  const modifiedAt = takeNumber(cursor, " ");
  const staleWhileRevalidateMs = takeNumber(cursor, " ");
  const staleIfErrorMs = takeNumber(cursor, "\n");
  const reason = takeText(cursor, "\n");
  const etag = takeText(cursor, "\n");
  const lastModified = takeText(cursor, "\n");
  const release = takeText(cursor, "\n");
  const names = takeText(cursor, "\n");
  const values = takeText(cursor, "\n");
  const tags = takeText(cursor, "\n");
  if (cursor.at === damaged || !isFields(meta, cursor.at)) return undefined;
  const vary = names === "" ? none : names.split(" ");
  const selectedBy = names === "" ? none : values.split("\t,");
  if (vary.length !== selectedBy.length) return undefined;
  return {
    kind: "answer",
    status,
    reason,
    fields: meta.slice(cursor.at),
    receivedAt,
    bornAt,
    freshUntil,
    alwaysValidate: (flags & flagBits.alwaysValidate) !== 0,
    neverStale: (flags & flagBits.neverStale) !== 0,
    staleWhileRevalidateMs,
    staleIfErrorMs,
    etag,
    lastModified,
    modifiedAt,
    vary,
    selectedBy,
    tags: tags === "" ? none : tags.split(","),
    release,
  };
}

const none: readonly string[] = [];

interface Cursor {
  readonly meta: string;
  /** `damaged` from the first thing that is not as it was written. */
  at: number;
}

const damaged = -1;

function takeText(cursor: Cursor, end: " " | "\n"): string {
  const { meta, at } = cursor;
  const stop = at === damaged ? damaged : meta.indexOf(end, at);
  cursor.at = stop === damaged ? damaged : stop + 1;
  return stop === damaged ? "" : meta.slice(at, stop);
}

function takeNumber(cursor: Cursor, end: " " | "\n"): number {
  const text = takeText(cursor, end);
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) cursor.at = damaged;
  return number;
}

/** Nothing was cut off: the fields end as lines do. */
function isFields(meta: string, at: number): boolean {
  return at === meta.length || meta.endsWith("\r\n");
}

function encodeIndex(index: VariantIndex): string {
  return `${indexMark} ${index.id} ${index.vary.join(" ")}`;
}

function decodeIndex(meta: string): VariantIndex | undefined {
  const [, id, ...vary] = meta.split(" ");
  if (id === undefined || id === "" || vary.length === 0 || vary.includes("")) return undefined;
  return { kind: "variants", id, vary };
}
