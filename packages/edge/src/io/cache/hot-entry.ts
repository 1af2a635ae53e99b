/**
 * A stored answer as one thread has it at hand: decoded, and as the bytes that leave. Made anew once
 * a second where it is asked for, since its Age counts; coded once per encoding that clients want,
 * by whichever thread is asked first.
 */
import {
  ageSeconds,
  type CacheRecord,
  formatCacheStatus,
  type RecordPlace,
  type StoredAnswer,
} from "@stack/cache";
import type { Encoding } from "@stack/config";
import { contentLengthLine, statusLine } from "@stack/protocols";
import { type CacheOutcome, outcomes } from "../../core/cache/outcomes.ts";
import { codedFields, varyByEncoding } from "../../core/compression/decide-coding.ts";
import type { CacheEntry } from "../../core/static/bounded-cache.ts";
import type { Compression } from "../compression/compression.ts";
import type { PreparedAnswer } from "../exchange.ts";
import type { CodedBodies } from "./coded-bodies.ts";

/** Answers up to this size are joined with their head into one piece. */
const joinBytes = 64 * 1024;
/** Besides the body: head, record, keys. */
const overheadBytes = 1_024;

/** One coding of it. */
export interface AnswerForm {
  readonly fields: string;
  readonly body: Buffer;
  /** For a plain hit of this age. */
  prepared: PreparedAnswer | undefined;
  preparedAge: number;
}

export interface HotEntry extends CacheEntry {
  /** Undefined when the memory of all threads had no place for it. */
  readonly place: RecordPlace | undefined;
  readonly key: string;
  readonly storedAt: number;
  /** As of the record. */
  readonly keepUntil: number;
  /** Of the purge table, when it was last seen to be valid. */
  changes: number;
  /** With an end in the past once it was purged softly. */
  answer: StoredAnswer;
  readonly plain: AnswerForm;
  /** Null where an encoding is at work. */
  readonly coded: Map<Encoding, AnswerForm | null>;
  /** What is coded may be so for other clients. */
  readonly isCodable: boolean;
  /** Of the plain body; "" until it is needed. */
  digest: string;
}

export function createHotEntry(
  key: string,
  answer: StoredAnswer,
  { body, storedAt, keepUntil }: Pick<CacheRecord, "body" | "storedAt" | "keepUntil">,
  place: RecordPlace | undefined,
  changes: number,
  compression: Compression | undefined,
): HotEntry {
  const isCodable = compression?.isFit(answer.status, answer.fields, body.length) ?? false;
  const fields = isCodable ? varyByEncoding(answer.fields) : answer.fields;
  return {
    used: false,
    // With room for its codings: what it costs must not change.
    costBytes: body.length * (isCodable ? 2 : 1) + answer.fields.length + overheadBytes,
    place,
    key,
    storedAt,
    keepUntil,
    changes,
    answer,
    plain: createForm(fields, body),
    coded: new Map(),
    isCodable,
    digest: "",
  };
}

/** The form a client gets; the plain one as long as another is being made. */
export function formFor(
  entry: HotEntry,
  acceptEncoding: string | undefined,
  compression: Compression | undefined,
  bodies: CodedBodies,
  nowMs: number,
): AnswerForm {
  const encoding = wantedOf(entry, acceptEncoding, compression);
  if (encoding === undefined || compression === undefined) return entry.plain;
  const known = entry.coded.get(encoding);
  if (known !== undefined) return known ?? entry.plain;
  const found = bodies.find(entry, encoding, nowMs);
  if (found !== undefined) return addForm(entry, encoding, found);
  const made = compression.encode(entry.plain.body, encoding);
  if (made === undefined) return entry.plain;
  entry.coded.set(encoding, null);
  made.then(
    (coded) => {
      const body = coded.length < entry.plain.body.length ? coded : nothing;
      addForm(entry, encoding, body);
      bodies.keep(entry, encoding, body, nowMs);
    },
    () => {}, // it stays plain
  );
  return entry.plain;
}

/** Has the second level's coding at hand before the answer is served, where there is one. */
export async function fetchForm(
  entry: HotEntry,
  acceptEncoding: string | undefined,
  compression: Compression | undefined,
  bodies: CodedBodies,
): Promise<void> {
  const encoding = wantedOf(entry, acceptEncoding, compression);
  if (encoding === undefined || entry.coded.has(encoding)) return;
  const body = await bodies.fetch(entry, encoding);
  if (body !== undefined) addForm(entry, encoding, body);
}

const nothing = Buffer.alloc(0);

/** Undefined: the body as it is. */
function wantedOf(
  entry: HotEntry,
  acceptEncoding: string | undefined,
  compression: Compression | undefined,
): Encoding | undefined {
  if (!entry.isCodable || compression === undefined || acceptEncoding === undefined)
    return undefined;
  return compression.accepted(acceptEncoding).encodings[0] as Encoding | undefined;
}

/** @param body empty: the plain one will do for this encoding */
function addForm(entry: HotEntry, encoding: Encoding, body: Buffer): AnswerForm {
  const { plain, coded } = entry;
  const isWorth = body.length > 0;
  const form = isWorth ? createForm(codedFields(plain.fields, encoding), body) : plain;
  coded.set(encoding, isWorth ? form : null);
  return form;
}

/** The whole answer of a hit that is fresh; undefined for one that is too long to be joined. */
export function prepareHit(
  form: AnswerForm,
  answer: StoredAnswer,
  nowMs: number,
  saysStatus: boolean,
): PreparedAnswer | undefined {
  const age = ageSeconds(answer, nowMs);
  if (form.prepared !== undefined && form.preparedAge === age) return form.prepared;
  if (form.body.length > joinBytes) return undefined;
  const fields = hitFields(form.fields, answer, nowMs, outcomes.hit, saysStatus);
  const { status, reason } = answer;
  const length = status === 204 ? "" : contentLengthLine(form.body.length);
  const head = statusLine(status, reason) + fields + length;
  const whole = Buffer.allocUnsafeSlow(head.length + 2 + form.body.length);
  whole.write(head, 0, "latin1");
  whole.write("\r\n", head.length, "latin1");
  whole.set(form.body, head.length + 2);
  form.prepared = { status, head, body: form.body, whole };
  form.preparedAge = age;
  return form.prepared;
}

/** With Age (RFC 9111 §5.1), and what the cache did (RFC 9211). */
export function hitFields(
  fields: string,
  answer: StoredAnswer,
  nowMs: number,
  outcome: CacheOutcome,
  saysStatus: boolean,
): string {
  const aged = `${fields}Age: ${ageSeconds(answer, nowMs)}\r\n`;
  return saysStatus ? aged + hitStatus(answer, nowMs, outcome) : aged;
}

/** The Cache-Status of what came from the store. */
export function hitStatus(answer: StoredAnswer, nowMs: number, outcome: CacheOutcome): string {
  const ttl = Math.floor((answer.freshUntil - answer.bornAt) / 1_000) - ageSeconds(answer, nowMs);
  return formatCacheStatus({
    cache: "stack",
    hit: outcome.forwarded === "",
    forward: outcome.forwarded === "" ? undefined : outcome.forwarded,
    forwardStatus: outcome === outcomes.revalidated ? 304 : undefined,
    ttl,
    detail: outcome.result === "stale" ? outcome.reason : undefined,
  });
}

function createForm(fields: string, body: Buffer): AnswerForm {
  return { fields, body, prepared: undefined, preparedAge: -1 };
}
