/** A record as bytes in a chain of blocks: lengths and times, then key, meta, tags and body. */
import type { CacheRecord } from "../../cache-record.ts";
import type { ListedRecord } from "../listed-record.ts";
import type { BlockSpace } from "./block-space.ts";
import { blockBytes, type MemoryViews } from "./memory-layout.ts";

/** Four lengths of 32 bits, two times of 64. */
const headBytes = 32;
const tagSeparator = "\0";

export interface RecordBytes {
  readonly blocksOf: (key: string, record: CacheRecord) => number;
  readonly write: (first: number, key: string, record: CacheRecord) => void;
  /**
   * What lies there, if it is of that key and not over. Undefined also when it was overwritten
   * meanwhile in a way that shows; in all other ways the version shows it.
   */
  readonly read: (first: number, key: string, nowMs: number) => CacheRecord | undefined;
  readonly keepUntil: (first: number) => number;
  /** All but meta and body. Undefined as above. */
  readonly describe: (first: number) => ListedRecord | undefined;
}

export function createRecordBytes(views: MemoryViews, space: BlockSpace): RecordBytes {
  const { integers, times } = views;
  const mostBytes = views.layout.blocksPerShard * blockBytes;
  /** Head, key, meta and tags of the record that is being written. */
  let texts = Buffer.alloc(4_096);
  const integerAt = (first: number): number => ((first - 1) * blockBytes) / 4;
  const timeAt = (first: number): number => ((first - 1) * blockBytes) / 8 + 2;

  const textBytes = (key: string, record: CacheRecord): number =>
    key.length + record.meta.length + tagBytes(record.tags);

  return {
    blocksOf: (key, record) =>
      Math.ceil((headBytes + textBytes(key, record) + record.body.length) / blockBytes),

    write(first, key, record) {
      const { meta, tags, body } = record;
      const length = headBytes + textBytes(key, record);
      if (texts.length < length) texts = Buffer.alloc(length * 2);
      let end = headBytes;
      end += texts.write(key, end, "latin1");
      end += texts.write(meta, end, "latin1");
      end += texts.write(tags.join(tagSeparator), end, "latin1");
      space.write(first, [texts.subarray(0, end), body]);
      const at = integerAt(first);
      integers[at] = key.length;
      integers[at + 1] = meta.length;
      integers[at + 2] = tagBytes(tags);
      integers[at + 3] = body.length;
      times[timeAt(first)] = record.storedAt;
      times[timeAt(first) + 1] = record.keepUntil;
    },

    read(first, key, nowMs) {
      const keepUntil = times[timeAt(first) + 1] as number;
      const at = integerAt(first);
      const keyEnd = integers[at] as number;
      if (keepUntil < nowMs || keyEnd !== key.length) return undefined;
      const metaEnd = keyEnd + (integers[at + 1] as number);
      const tagsEnd = metaEnd + (integers[at + 2] as number);
      const length = tagsEnd + (integers[at + 3] as number);
      if (!(metaEnd >= keyEnd && tagsEnd >= metaEnd && length >= tagsEnd && length <= mostBytes)) {
        return undefined;
      }
      const all = Buffer.allocUnsafe(length);
      if (!space.read(first, headBytes, all) || all.toString("latin1", 0, keyEnd) !== key) {
        return undefined;
      }
      return {
        meta: all.toString("latin1", keyEnd, metaEnd),
        body: all.subarray(tagsEnd),
        storedAt: times[timeAt(first)] as number,
        keepUntil,
        tags: splitTags(all.toString("latin1", metaEnd, tagsEnd)),
      };
    },

    keepUntil: (first) => times[timeAt(first) + 1] as number,

    describe(first) {
      const at = integerAt(first);
      const keyEnd = integers[at] as number;
      const metaEnd = keyEnd + (integers[at + 1] as number);
      const tagsEnd = metaEnd + (integers[at + 2] as number);
      if (!(keyEnd >= 0 && tagsEnd >= keyEnd && tagsEnd <= mostBytes)) return undefined;
      const all = Buffer.alloc(tagsEnd);
      if (!space.read(first, headBytes, all)) return undefined;
      return {
        key: all.toString("latin1", 0, keyEnd),
        bodyBytes: integers[at + 3] as number,
        storedAt: times[timeAt(first)] as number,
        keepUntil: times[timeAt(first) + 1] as number,
        tags: splitTags(all.toString("latin1", metaEnd, tagsEnd)),
      };
    },
  };
}

function tagBytes(tags: readonly string[]): number {
  let bytes = Math.max(tags.length - 1, 0);
  for (const tag of tags) bytes += tag.length;
  return bytes;
}

function splitTags(text: string): readonly string[] {
  return text === "" ? [] : text.split(tagSeparator);
}
