/**
 * The dynamic table of HPACK (RFC 7541 §2.3.2, §4), a ring: adding and dropping move nothing. An
 * entry is known by its number, counted from 0 over the life of the connection.
 */

export interface TableEntry {
  readonly name: string;
  readonly value: string;
  /** For the encoder: the number of the entry of this name added before; -1 when there was none. */
  readonly older: number;
}

export interface DynamicTable {
  /** Entry n is at n modulo the length, which is a power of two. */
  ring: (TableEntry | undefined)[];
  /** Entries ever added: the newest has the number added - 1, the oldest added - count. */
  added: number;
  count: number;
  /** Sum of name + value + 32 over the entries (RFC 7541 §4.1). */
  bytes: number;
  /** The most `bytes` may be. */
  limit: number;
}

/** Bytes an entry is taken to need beside its name and value (RFC 7541 §4.1). */
export const entryOverhead = 32;

/** The value SETTINGS_HEADER_TABLE_SIZE has before any SETTINGS (RFC 9113 §6.5.2). */
export const defaultTableBytes = 4096;

export function createDynamicTable(limitBytes: number): DynamicTable {
  return {
    ring: new Array<TableEntry | undefined>(8).fill(undefined),
    added: 0,
    count: 0,
    bytes: 0,
    limit: limitBytes,
  };
}

/** @param number of an entry that is still in the table */
export function entryOf(table: DynamicTable, number: number): TableEntry {
  return table.ring[number & (table.ring.length - 1)] as TableEntry;
}

/** Adds an entry for which room has been made. */
export function addEntry(table: DynamicTable, entry: TableEntry): void {
  if (table.count === table.ring.length) growRing(table);
  table.ring[table.added & (table.ring.length - 1)] = entry;
  table.added++;
  table.count++;
  table.bytes += entry.name.length + entry.value.length + entryOverhead;
}

/** Evicts the oldest of at least one entry. */
export function dropOldest(table: DynamicTable): TableEntry {
  const slot = (table.added - table.count) & (table.ring.length - 1);
  const entry = table.ring[slot] as TableEntry;
  table.ring[slot] = undefined;
  table.count--;
  table.bytes -= entry.name.length + entry.value.length + entryOverhead;
  return entry;
}

function growRing(table: DynamicTable): void {
  const ring = new Array<TableEntry | undefined>(2 * table.ring.length).fill(undefined);
  for (let number = table.added - table.count; number < table.added; number++) {
    ring[number & (ring.length - 1)] = entryOf(table, number);
  }
  table.ring = ring;
}
