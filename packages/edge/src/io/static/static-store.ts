/**
 * What is known of the files below one root: which file a path leads to, and the content of small
 * ones. An entry is believed for a second; then the disk is asked again, once for all who wait.
 */
import { read } from "node:fs";
import { promisify } from "node:util";
import { type CacheEntry, createBoundedCache } from "../../core/static/bounded-cache.ts";
import { describeFile, type StaticRepresentation } from "../../core/static/static-answer.ts";
import type { StaticName } from "../../core/static/static-path.ts";
import type { PreparedAnswer } from "../exchange.ts";
import {
  closeQuietly,
  type FoundFile,
  findBelow,
  identityOfOpen,
  openFound,
} from "./static-lookup.ts";

/** Files up to this size are kept in memory. */
const hotBytes = 256 * 1024;
const believedMs = 1_000;
/** A file changed this shortly before it was read may change again within the clock's tick. */
const settledMs = 2_000;
const maxEntries = 10_000;
const entryOverheadBytes = 1_024;
const attempts = 3;

const readFrom = promisify(read);

export interface StaticEntry extends CacheEntry {
  /** Unix time at which the disk was last asked. */
  checkedMs: number;
  readonly file: FoundFile;
  readonly representation: StaticRepresentation;
  /** The whole content; undefined for a file to be streamed. */
  body: Buffer | undefined;
  /** False: read it again when it is next checked, whatever its times say. */
  readonly settled: boolean;
  prepared: PreparedAnswer | undefined;
  /** The second of its Date. */
  preparedSecond: number;
}

export type Looked = StaticEntry | "folder" | "missing" | "forbidden";

export interface StaticStore {
  /** What was seen less than a second ago. */
  readonly recent: (path: string, nowMs: number) => StaticEntry | undefined;
  /** Asks the disk. Rejects for what is a fault of the machine (EMFILE, EIO). */
  readonly look: (path: string, name: StaticName) => Promise<Looked>;
}

/** @param cacheBytes for the contents of small files */
export function createStaticStore(root: string, cacheBytes: number): StaticStore {
  const cache = createBoundedCache<StaticEntry>({ bytes: cacheBytes, entries: maxEntries });
  const underWay = new Map<string, Promise<Looked>>();

  const load = async (path: string, name: StaticName): Promise<Looked> => {
    const relative = name.isFolder ? indexOf(name.relative) : name.relative;
    for (let attempt = 1; ; attempt += 1) {
      const startedMs = Date.now();
      const found = await findBelow(root, relative);
      if (found.kind !== "file") {
        cache.delete(path);
        return found.kind === "folder" && name.isFolder ? "missing" : found.kind;
      }
      const known = cache.get(path);
      if (known?.settled === true && isSame(known.file, found)) {
        known.checkedMs = startedMs;
        return known;
      }
      const small = found.size <= hotBytes && attempt < attempts;
      const body = small ? await readSmall(found) : undefined;
      // It changed while it was read: look again, at last leave it to be streamed.
      if (small && body === undefined) continue;
      const entry = makeEntry(found, body, startedMs);
      cache.set(path, entry);
      return entry;
    }
  };

  return {
    recent(path, nowMs) {
      const entry = cache.get(path);
      if (entry === undefined) return undefined;
      const age = nowMs - entry.checkedMs;
      // A negative age: the clock was set back.
      if (age >= believedMs || age < 0) return undefined;
      entry.used = true;
      return entry;
    },
    look(path, name) {
      const others = underWay.get(path);
      if (others !== undefined) return others;
      const looked = load(path, name).finally(() => underWay.delete(path));
      underWay.set(path, looked);
      return looked;
    },
  };
}

function indexOf(folder: string): string {
  return folder === "" ? "index.html" : `${folder}/index.html`;
}

function isSame(one: FoundFile, other: FoundFile): boolean {
  return one.identity === other.identity && one.path === other.path;
}

function makeEntry(file: FoundFile, body: Buffer | undefined, nowMs: number): StaticEntry {
  return {
    used: false,
    costBytes: (body?.length ?? 0) + entryOverheadBytes,
    checkedMs: nowMs,
    file,
    representation: describeFile(file.path, file, nowMs),
    body,
    settled: nowMs - file.changedMs > settledMs,
    prepared: undefined,
    preparedSecond: 0,
  };
}

/** All of a file, or undefined when it changed meanwhile. */
async function readSmall(file: FoundFile): Promise<Buffer | undefined> {
  const fd = await openFound(file);
  if (fd === undefined) return undefined;
  try {
    const body = Buffer.allocUnsafeSlow(file.size);
    let length = 0;
    while (length < file.size) {
      const { bytesRead } = await readFrom(fd, body, length, file.size - length, length);
      if (bytesRead === 0) return undefined;
      length += bytesRead;
    }
    return (await identityOfOpen(fd)) === file.identity ? body : undefined;
  } finally {
    closeQuietly(fd);
  }
}
