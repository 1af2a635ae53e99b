/**
 * The embedded store's file: SQLite, in this process written by one thread only. Bounded in bytes:
 * what was used longest ago goes first. Nothing is synced to the disk: a power cut may cost the cache,
 * never a wrong answer, since every record carries its checksum.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ListedRecord } from "../../core/store/listed-record.ts";
import { describeRecord } from "../record-format.ts";

export interface CacheFile {
  readonly get: (key: string) => Uint8Array<ArrayBuffer> | undefined;
  readonly set: (key: string, value: Uint8Array, keepUntil: number) => void;
  readonly delete: (key: string) => void;
  readonly list: (from: number) => {
    readonly records: ListedRecord[];
    readonly next: number | undefined;
  };
  readonly stats: () => { readonly records: number; readonly bytes: number };
  readonly addPurge: (text: string) => void;
  /** Purges that were added since the last call, by this or another process. The first is the oldest remembered. */
  readonly newPurges: () => readonly string[];
  readonly close: () => void;
}

export const cacheFileName = "cache.sqlite";
const pageBytes = 4_096;
const cacheKilobytes = 2_048;
const busyMs = 20;
/** A use is noted when the last note is older. */
const usedEveryMs = 60_000;
/** Of the bound, what a record's row and index take beside its bytes. */
const rowBytes = 256;
const evictedAtOnce = 64;
const listedAtOnce = 200;
const describedBytes = 16 * 1024;
const keptPurges = 10_000;
const schemaVersion = 1;

const schema = `
CREATE TABLE IF NOT EXISTS entries (
  id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL, keep REAL NOT NULL, used REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_keep ON entries (keep);
CREATE INDEX IF NOT EXISTS entries_used ON entries (used);
CREATE TABLE IF NOT EXISTS contents (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS purges (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;
PRAGMA user_version = ${schemaVersion};
`;

/**
 * Throws what SQLite throws.
 *
 * @param firstPurge what a new file's list of purges begins with
 */
export function openCacheFile(folder: string, bytes: number, firstPurge: () => string): CacheFile {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, cacheFileName), { timeout: busyMs });
  try {
    return prepareFile(database, bytes, firstPurge);
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepareFile(database: DatabaseSync, bytes: number, firstPurge: () => string): CacheFile {
  database.exec(`
    PRAGMA page_size = ${pageBytes};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    PRAGMA journal_size_limit = ${4 * 1024 * 1024};
    PRAGMA cache_size = -${cacheKilobytes};
    PRAGMA temp_store = MEMORY;
    PRAGMA max_page_count = ${Math.max(Math.ceil((bytes * 1.25) / pageBytes), 64)};
  `);
  database.exec(schema);
  const find = database.prepare(
    "SELECT id, used, value FROM entries JOIN contents USING (id) WHERE name = ? AND keep >= ?",
  );
  const findId = database.prepare("SELECT id, bytes FROM entries WHERE name = ?");
  const noteUse = database.prepare("UPDATE entries SET used = ? WHERE id = ?");
  const insertEntry = database.prepare(
    "INSERT INTO entries (name, bytes, keep, used) VALUES (?, ?, ?, ?)",
  );
  const insertContent = database.prepare("INSERT INTO contents (id, value) VALUES (?, ?)");
  const deleteEntry = database.prepare("DELETE FROM entries WHERE id = ?");
  const deleteContent = database.prepare("DELETE FROM contents WHERE id = ?");
  const over = database.prepare("SELECT id, bytes FROM entries WHERE keep < ? LIMIT ?");
  const oldest = database.prepare("SELECT id, bytes FROM entries ORDER BY used LIMIT ?");
  const total = database.prepare("SELECT count(*) AS records, total(bytes) AS bytes FROM entries");
  const page = database.prepare(
    "SELECT id, substr(value, 1, ?) AS head FROM contents WHERE id > ? ORDER BY id LIMIT ?",
  );
  const insertPurge = database.prepare("INSERT INTO purges (text) VALUES (?)");
  const trimPurges = database.prepare(
    "DELETE FROM purges WHERE id <= (SELECT max(id) FROM purges) - ?",
  );
  const purgesAfter = database.prepare("SELECT id, text FROM purges WHERE id > ? ORDER BY id");
  const dataVersion = database.prepare("PRAGMA data_version");
  let lastPurge = 0;
  let seenVersion = -1;
  let hasOwnPurge = true;
  let heldBytes = Number(total.get()?.["bytes"] ?? 0);

  if (purgesAfter.get(0) === undefined) insertPurge.run(firstPurge());

  function transact(work: () => void): void {
    database.exec("BEGIN IMMEDIATE");
    try {
      work();
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      heldBytes = Number(total.get()?.["bytes"] ?? 0);
      throw error;
    }
  }

  function remove(row: Record<string, unknown>): void {
    deleteEntry.run(row["id"] as number);
    deleteContent.run(row["id"] as number);
    heldBytes -= row["bytes"] as number;
  }

  function makeRoom(wanted: number): void {
    while (heldBytes + wanted > bytes) {
      let rows = over.all(Date.now(), evictedAtOnce);
      if (rows.length === 0) rows = oldest.all(evictedAtOnce);
      if (rows.length === 0) return;
      for (const row of rows) {
        remove(row);
        if (heldBytes + wanted <= bytes) return;
      }
    }
  }

  return {
    get(key) {
      const now = Date.now();
      const row = find.get(nameOf(key), now);
      if (row === undefined) return undefined;
      if (now - (row["used"] as number) > usedEveryMs) noteUse.run(now, row["id"] as number);
      return row["value"] as Uint8Array<ArrayBuffer>;
    },

    set(key, value, keepUntil) {
      const name = nameOf(key);
      const taken = value.length + name.length * 2 + rowBytes;
      if (taken > bytes / 4) return;
      transact(() => {
        const known = findId.get(name);
        if (known !== undefined) remove(known);
        makeRoom(taken);
        const { lastInsertRowid } = insertEntry.run(name, taken, keepUntil, Date.now());
        insertContent.run(lastInsertRowid, value);
        heldBytes += taken;
      });
    },

    delete(key) {
      transact(() => {
        const known = findId.get(nameOf(key));
        if (known !== undefined) remove(known);
      });
    },

    list(from) {
      const rows = page.all(describedBytes, from, listedAtOnce);
      const records = rows
        .map((row) => describeRecord(Buffer.from(row["head"] as Uint8Array<ArrayBuffer>)))
        .filter((record): record is ListedRecord => record !== undefined);
      const last = rows.at(-1)?.["id"] as number | undefined;
      return { records, next: rows.length < listedAtOnce ? undefined : last };
    },

    stats() {
      const row = total.get() ?? {};
      return { records: Number(row["records"]), bytes: Number(row["bytes"]) };
    },

    addPurge(text) {
      hasOwnPurge = true;
      transact(() => {
        insertPurge.run(text);
        trimPurges.run(keptPurges);
      });
    },

    newPurges() {
      // Changes when another connection has written; nothing is read while none has.
      const version = Number(dataVersion.get()?.["data_version"]);
      if (version === seenVersion && !hasOwnPurge) return [];
      seenVersion = version;
      hasOwnPurge = false;
      const rows = purgesAfter.all(lastPurge);
      lastPurge = Number(rows.at(-1)?.["id"] ?? lastPurge);
      return rows.map((row) => String(row["text"]));
    },

    close: () => database.close(),
  };
}

function nameOf(key: string): Buffer {
  return Buffer.from(key, "latin1");
}
