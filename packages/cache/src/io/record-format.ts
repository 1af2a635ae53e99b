/**
 * A record as bytes, for stores outside this process: a head of fixed size, then key, meta, tags and
 * body. What does not check out is no record: another version, another key, a changed byte.
 */
import { crc32 } from "node:zlib";
import type { CacheRecord } from "../core/cache-record.ts";
import type { ListedRecord } from "../core/store/listed-record.ts";

const formatVersion = 1;
/** Version and three lengths, two times, then the length of the body and the checksum of all that follows the head. */
const recordHeadBytes = 40;
const tagSeparator = "\0";

/** What stands before the body, and the body. */
export interface EncodedRecord {
  readonly head: Buffer;
  readonly body: Buffer;
}

export function encodeRecord(key: string, record: CacheRecord): EncodedRecord {
  const tags = record.tags.join(tagSeparator);
  const head = Buffer.allocUnsafe(recordHeadBytes + key.length + record.meta.length + tags.length);
  head.writeUInt32LE(formatVersion, 0);
  head.writeUInt32LE(key.length, 4);
  head.writeUInt32LE(record.meta.length, 8);
  head.writeUInt32LE(tags.length, 12);
  head.writeDoubleLE(record.storedAt, 16);
  head.writeDoubleLE(record.keepUntil, 24);
  head.writeUInt32LE(record.body.length, 32);
  let end = recordHeadBytes;
  end += head.write(key, end, "latin1");
  end += head.write(record.meta, end, "latin1");
  head.write(tags, end, "latin1");
  const texts = crc32(head.subarray(recordHeadBytes));
  head.writeUInt32LE(crc32(record.body, texts), 36);
  return { head, body: record.body };
}

/** Of a record's head: how long all of it is; undefined when it is none. */
export function recordLength(bytes: Buffer): number | undefined {
  const lengths = readLengths(bytes);
  return lengths === undefined ? undefined : lengths.bodyAt + lengths.bodyBytes;
}

/** The body is a part of `bytes`. */
export function decodeRecord(key: string, bytes: Buffer): CacheRecord | undefined {
  const lengths = readLengths(bytes);
  if (lengths === undefined || bytes.length !== lengths.bodyAt + lengths.bodyBytes)
    return undefined;
  const { metaAt, tagsAt, bodyAt } = lengths;
  if (bytes.toString("latin1", recordHeadBytes, metaAt) !== key) return undefined;
  if (crc32(bytes.subarray(recordHeadBytes)) !== bytes.readUInt32LE(36)) return undefined;
  return {
    meta: bytes.toString("latin1", metaAt, tagsAt),
    body: bytes.subarray(bodyAt),
    storedAt: bytes.readDoubleLE(16),
    keepUntil: bytes.readDoubleLE(24),
    tags: splitTags(bytes.toString("latin1", tagsAt, bodyAt)),
  };
}

/** Needs what stands before the body only; undefined when that is not all there. */
export function describeRecord(bytes: Buffer): ListedRecord | undefined {
  const lengths = readLengths(bytes);
  if (lengths === undefined || bytes.length < lengths.bodyAt) return undefined;
  return {
    key: bytes.toString("latin1", recordHeadBytes, lengths.metaAt),
    bodyBytes: lengths.bodyBytes,
    storedAt: bytes.readDoubleLE(16),
    keepUntil: bytes.readDoubleLE(24),
    tags: splitTags(bytes.toString("latin1", lengths.tagsAt, lengths.bodyAt)),
  };
}

function readLengths(bytes: Buffer) {
  if (bytes.length < recordHeadBytes || bytes.readUInt32LE(0) !== formatVersion) return undefined;
  const metaAt = recordHeadBytes + bytes.readUInt32LE(4);
  const tagsAt = metaAt + bytes.readUInt32LE(8);
  const bodyAt = tagsAt + bytes.readUInt32LE(12);
  return { metaAt, tagsAt, bodyAt, bodyBytes: bytes.readUInt32LE(32) };
}

function splitTags(text: string): readonly string[] {
  return text === "" ? [] : text.split(tagSeparator);
}
