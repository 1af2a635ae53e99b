/**
 * What is known of the files below one root: which file a path leads to, and the content of small
 * ones. An entry is believed for a second; then the disk is asked again, once for all who wait.
 */
import { type CacheEntry, createBoundedCache } from "../../core/static/bounded-cache.ts";
import { describeFile, type StaticDescription } from "../../core/static/static-answer.ts";
import type { StaticName } from "../../core/static/static-path.ts";
import type { StaticRules } from "../../core/static/static-rules.ts";
import { hotBytes, makeContent, readSmall, type StaticContent } from "./static-content.ts";
import type { FoundFile } from "./static-lookup.ts";
import { type FoundVariant, searchFile, searchVariants } from "./static-search.ts";

const believedMs = 1_000;
/** A file changed this shortly before it was read may change again within the clock's tick. */
const settledMs = 2_000;
const maxEntries = 10_000;
const entryOverheadBytes = 1_024;
const attempts = 3;

export interface StaticEntry extends CacheEntry, StaticContent {
  /** Unix time at which the disk was last asked. */
  checkedMs: number;
  /** False: read it again when it is next checked, whatever its times say. */
  readonly settled: boolean;
  /** Coded ones, by Content-Encoding; undefined where there can be none. */
  readonly variants: Map<string, StaticContent> | undefined;
  /** Variants can be made of it. */
  readonly isCodable: boolean;
  /** How to describe another variant of it. */
  readonly description: StaticDescription;
  readonly key: string;
}

export type Looked =
  | StaticEntry
  | "folder"
  | "missing"
  | "forbidden"
  /** A folder to be listed, by its name below the root. */
  | { readonly listing: string };

export interface StaticStoreOptions {
  readonly root: string;
  readonly rules: StaticRules;
  /** For the contents of small files. */
  readonly cacheBytes: number;
  /** Whether answers of this type and size may be coded on their way. */
  readonly isCodable: (type: string, bytes: number) => boolean;
}

export interface StaticStore {
  /** What was seen less than a second ago. */
  readonly recent: (path: string, nowMs: number) => StaticEntry | undefined;
  /** Asks the disk. Rejects for what is a fault of the machine (EMFILE, EIO). */
  readonly look: (path: string, name: StaticName) => Promise<Looked>;
  /** Keeps a variant with its entry, if that is still the one that is known. */
  readonly keep: (entry: StaticEntry, encoding: string, variant: StaticContent) => void;
}

export function createStaticStore(options: StaticStoreOptions): StaticStore {
  const { root, rules } = options;
  const cache = createBoundedCache<StaticEntry>({
    bytes: options.cacheBytes,
    entries: maxEntries,
  });
  const underWay = new Map<string, Promise<Looked>>();

  const load = async (path: string, name: StaticName): Promise<Looked> => {
    for (let attempt = 1; ; attempt += 1) {
      const startedMs = Date.now();
      const found = await searchFile(root, rules, name);
      if (found.kind !== "file") {
        cache.delete(path);
        return found.kind === "listing" ? { listing: found.relative } : found.kind;
      }
      // What answers for any path is kept once: clients can think of paths without end.
      const key = found.isFixed ? `\0${found.name}` : path;
      if (key !== path) cache.delete(path);
      const variants = rules.precompressed
        ? await searchVariants(root, found.name, found.file)
        : [];
      const known = cache.get(key);
      if (known?.settled === true && isSame(known, found.file, variants)) {
        known.checkedMs = startedMs;
        return known;
      }
      const small = attempt < attempts;
      const body = await readIfSmall(found.file, small);
      const coded = await Promise.all(variants.map((it) => readIfSmall(it.file, small)));
      // It changed while it was read: look again, at last leave it to be streamed.
      if (body === "changed" || coded.includes("changed")) continue;
      const type = rules.typeOf(found.name);
      const canBeCoded = options.isCodable(type, found.file.size);
      const description: StaticDescription = {
        type,
        lines: found.isFixed ? rules.fallbackLines : rules.lines,
        encoding: "",
        varies: canBeCoded || variants.length > 0,
      };
      const changedMs = Math.max(found.file.changedMs, ...variants.map((it) => it.file.changedMs));
      const entry: StaticEntry = {
        ...makeContent(found.file, describeFile(description, found.file, startedMs), body),
        key,
        description,
        isCodable: canBeCoded,
        used: false,
        costBytes: 0,
        checkedMs: startedMs,
        settled: startedMs - changedMs > settledMs,
        variants: description.varies ? new Map() : undefined,
      };
      variants.forEach(({ encoding, file }, index) => {
        const representation = describeFile({ ...description, encoding }, file, startedMs);
        const bytes = coded[index];
        if (bytes === "changed") return;
        entry.variants?.set(encoding, {
          ...makeContent(file, representation, bytes),
          isFound: true,
        });
      });
      cache.set(key, withCost(entry));
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
    keep(entry, encoding, variant) {
      if (cache.get(entry.key) !== entry || entry.variants === undefined) return;
      cache.delete(entry.key);
      entry.variants.set(encoding, variant);
      cache.set(entry.key, withCost(entry));
    },
  };
}

/** The same file, with the same precompressed variants beside it. */
function isSame(known: StaticEntry, file: FoundFile, variants: readonly FoundVariant[]): boolean {
  if (known.file.identity !== file.identity || known.file.path !== file.path) return false;
  let others = 0;
  for (const variant of known.variants?.values() ?? []) {
    if (variant.file !== known.file) others += 1;
  }
  return (
    others === variants.length &&
    variants.every(
      (variant) => known.variants?.get(variant.encoding)?.file.identity === variant.file.identity,
    )
  );
}

function withCost(entry: StaticEntry): StaticEntry {
  let bytes = entryOverheadBytes + (entry.body?.length ?? 0);
  for (const variant of entry.variants?.values() ?? []) {
    if (variant !== entry) bytes += entryOverheadBytes + (variant.body?.length ?? 0);
  }
  entry.costBytes = bytes;
  return entry;
}

async function readIfSmall(
  file: FoundFile,
  isWanted: boolean,
): Promise<Buffer | "changed" | undefined> {
  if (!isWanted || file.size > hotBytes) return undefined;
  return (await readSmall(file)) ?? "changed";
}
