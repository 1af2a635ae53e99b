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
const numberCount = 8;
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
  const lines: string[] = [];
  let at = 0;
  for (let line = 0; line < 8; line++) {
    const end = meta.indexOf("\n", at);
    if (end < 0) return undefined;
    lines.push(meta.slice(at, end));
    at = end + 1;
  }
  const [first, reason, etag, lastModified, release, vary, selectedBy, tags] = lines as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const numbers = readNumbers(first);
  if (numbers === undefined) return undefined;
  const [status, flags, receivedAt, bornAt, freshUntil, modifiedAt, revalidateMs, errorMs] =
    numbers as [number, number, number, number, number, number, number, number];
  const names = vary === "" ? [] : vary.split(" ");
  const values = names.length === 0 ? [] : selectedBy.split("\t,");
  if (values.length !== names.length || !isFields(meta, at)) return undefined;
  return {
    kind: "answer",
    status,
    reason,
    fields: meta.slice(at),
    receivedAt,
    bornAt,
    freshUntil,
    alwaysValidate: (flags & flagBits.alwaysValidate) !== 0,
    neverStale: (flags & flagBits.neverStale) !== 0,
    staleWhileRevalidateMs: revalidateMs,
    staleIfErrorMs: errorMs,
    etag,
    lastModified,
    modifiedAt,
    vary: names,
    selectedBy: values,
    tags: tags === "" ? [] : tags.split(","),
    release,
  };
}

/** Nothing was cut off: the fields end as lines do. */
function isFields(meta: string, at: number): boolean {
  return at === meta.length || meta.endsWith("\r\n");
}

function readNumbers(line: string): number[] | undefined {
  const texts = line.split(" ");
  if (texts.length !== numberCount + 1) return undefined;
  const numbers: number[] = [];
  for (let index = 1; index <= numberCount; index++) {
    const text = texts[index] as string;
    const number = Number(text);
    if (text === "" || !Number.isFinite(number)) return undefined;
    numbers.push(number);
  }
  return numbers;
}

function encodeIndex(index: VariantIndex): string {
  return `${indexMark} ${index.id} ${index.vary.join(" ")}`;
}

function decodeIndex(meta: string): VariantIndex | undefined {
  const [, id, ...vary] = meta.split(" ");
  if (id === undefined || id === "" || vary.length === 0 || vary.includes("")) return undefined;
  return { kind: "variants", id, vary };
}
