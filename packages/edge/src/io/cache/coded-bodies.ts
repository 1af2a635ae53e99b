/**
 * Bodies as they were coded for a client, beside the answers they belong to: in the memory of all
 * threads, and in the second level. They are found by what they were made of, so that an answer that
 * is freshened keeps its codings, and one with another body never gets them.
 */
import { hash } from "node:crypto";
import type { CacheRecord, MemoryStore, SharedStore } from "@stack/cache";
import type { Encoding } from "@stack/config";
import { codedKey } from "../../core/cache/coded-key.ts";
import type { HotEntry } from "./hot-entry.ts";

export interface CodedBodies {
  /** What one of the threads has made. Empty: it is not shorter than the body itself. */
  readonly find: (entry: HotEntry, encoding: Encoding, nowMs: number) => Buffer | undefined;
  /** What the second level has; from then on all threads have it. Never rejects. */
  readonly fetch: (entry: HotEntry, encoding: Encoding) => Promise<Buffer | undefined>;
  /** @param body empty where it is not worth it */
  readonly keep: (entry: HotEntry, encoding: Encoding, body: Buffer, nowMs: number) => void;
}

/** What ends sooner is coded again rather than written to a second level. */
const leastSharedMs = 10_000;

export function createCodedBodies(memory: MemoryStore, second: SharedStore): CodedBodies {
  const keyOf = (entry: HotEntry, encoding: Encoding): string => {
    entry.digest ||= hash("sha256", entry.plain.body, "base64url");
    return codedKey(entry.key, encoding, entry.digest);
  };
  return {
    find: (entry, encoding, nowMs) => memory.get(keyOf(entry, encoding), nowMs)?.body,

    async fetch(entry, encoding) {
      if (second.name === "none") return undefined;
      const key = keyOf(entry, encoding);
      const record = await second.get(key);
      if (record !== undefined) memory.set(key, record);
      return record?.body;
    },

    keep(entry, encoding, body, nowMs) {
      const { keepUntil, storedAt } = entry;
      if (keepUntil <= nowMs) return;
      const key = keyOf(entry, encoding);
      const record: CacheRecord = { meta: encoding, body, storedAt, keepUntil, tags: [] };
      memory.set(key, record);
      if (second.name === "none" || keepUntil - nowMs < leastSharedMs) return;
      void second.set(key, record); // never rejects
    },
  };
}
