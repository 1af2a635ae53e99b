/**
 * Writes header blocks (RFC 7541). What is likely to come again goes into the dynamic table; what
 * differs from answer to answer would only push that out.
 */
import { flatCopy } from "../http/flat.ts";
import {
  addEntry,
  createDynamicTable,
  type DynamicTable,
  defaultTableBytes,
  dropOldest,
  entryOf,
  entryOverhead,
} from "./dynamic-table.ts";
import { staticCount, staticFields } from "./static-table.ts";

export interface HpackEncoder {
  /**
   * A header block as latin-1 text (one character per byte), for a list name, value, name, value …
   * with names in lower case. Strings are sent as they are: the Huffman code would save the client
   * some bytes and cost the server more than the rest of the block, and a table hit saves them all.
   */
  readonly encode: (fields: readonly string[]) => string;
  /**
   * The peer's SETTINGS_HEADER_TABLE_SIZE in bytes: the next block begins with the table size
   * updates RFC 7541 §4.2 wants. More than 4096 is never used.
   */
  readonly limitTable: (bytes: number) => void;
}

interface State {
  readonly table: DynamicTable;
  /** The number of the newest entry of each name in the table. */
  readonly newest: Map<string, number>;
  /** The least the table was limited to since the last block; -1 when nothing has changed. */
  leastLimit: number;
}

interface KnownName {
  /** The static table's entries of this name, first to last; 0 and -1 when there are none. */
  first: number;
  last: number;
  /** How a field of it begins that is not to be indexed; 0x40 when it is. */
  form: number;
}

/** The first byte of a literal field (RFC 7541 §6.2). */
const withIndexing = 0x40;
const withoutIndexing = 0x00;
const neverIndexed = 0x10;

const volatileNames = [
  "age",
  "content-length",
  "content-range",
  "etag",
  "expires",
  "last-modified",
  "location",
  "server-timing",
  "traceparent",
  "x-request-id",
];
/** No one on the way may keep these where guesses can be tried against them (RFC 7541 §7.1.3). */
const secretNames = ["authorization", "cookie", "proxy-authorization", "set-cookie"];
/** Characters beyond which a value is not worth the table's room. */
const longValue = 256;
/** Entries of one name that are compared with a value: with more, it is one that never repeats. */
const maxCompared = 16;

let knownNames: ReadonlyMap<string, KnownName> | undefined;

/** The state of one connection's direction: blocks must be sent in the order they were encoded. */
export function createHpackEncoder(): HpackEncoder {
  const state: State = {
    table: createDynamicTable(defaultTableBytes),
    newest: new Map(),
    leastLimit: -1,
  };
  return {
    encode: (fields) => encodeBlock(state, fields),
    limitTable: (bytes) => limitTable(state, Math.min(bytes, defaultTableBytes)),
  };
}

function encodeBlock(state: State, fields: readonly string[]): string {
  knownNames ??= buildKnownNames();
  let text = state.leastLimit >= 0 ? formatTableSizes(state) : "";
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] as string;
    text += formatField(state, knownNames.get(name), name, fields[at + 1] as string);
  }
  return text;
}

function formatField(
  state: State,
  known: KnownName | undefined,
  name: string,
  value: string,
): string {
  if (known !== undefined) {
    for (let index = known.first; index <= known.last; index++) {
      if (staticFields[2 * index + 1] === value) return String.fromCharCode(0x80 | index);
    }
    if (known.form !== withIndexing) return formatLiteral(known.form, known.first, name, value);
  }
  const { table } = state;
  const newest = state.newest.get(name) ?? -1;
  const found = newest < 0 ? -1 : findValue(table, newest, value);
  if (found >= 0) return formatInteger(0x80, 0x7f, staticCount + table.added - found);
  const nameIndex = known?.first || (newest < 0 ? 0 : staticCount + table.added - newest);
  const size = name.length + value.length + entryOverhead;
  if (value.length > longValue || size > table.limit) {
    return formatLiteral(withoutIndexing, nameIndex, name, value);
  }
  const ownName = newest < 0 ? flatCopy(name) : entryOf(table, newest).name;
  shrinkTable(state, table.limit - size);
  state.newest.set(ownName, table.added);
  addEntry(table, { name: ownName, value: flatCopy(value), older: newest });
  return formatLiteral(withIndexing, nameIndex, name, value);
}

/** @returns the number of the entry with the value among those of the name of entry `newest`, or -1 */
function findValue(table: DynamicTable, newest: number, value: string): number {
  const oldest = table.added - table.count;
  let number = newest;
  for (let count = 0; count < maxCompared && number >= oldest; count++) {
    const entry = entryOf(table, number);
    if (entry.value === value) return number;
    number = entry.older;
  }
  return -1;
}

/** @param nameIndex where the name is in the tables; 0 to spell it out */
function formatLiteral(form: number, nameIndex: number, name: string, value: string): string {
  const mask = form === withIndexing ? 0x3f : 0x0f;
  const length = formatInteger(0, 0x7f, value.length);
  if (nameIndex > 0) return formatInteger(form, mask, nameIndex) + length + value;
  return String.fromCharCode(form) + formatInteger(0, 0x7f, name.length) + name + length + value;
}

/** RFC 7541 §5.1; the bits of `form` are beside those of the prefix, `mask`. */
function formatInteger(form: number, mask: number, value: number): string {
  if (value < mask) return String.fromCharCode(form | value);
  let text = String.fromCharCode(form | mask);
  let rest = value - mask;
  while (rest >= 128) {
    text += String.fromCharCode(0x80 | (rest & 0x7f));
    rest = Math.floor(rest / 128);
  }
  return text + String.fromCharCode(rest);
}

function limitTable(state: State, bytes: number): void {
  if (bytes === state.table.limit) return;
  state.leastLimit = state.leastLimit < 0 ? bytes : Math.min(bytes, state.leastLimit);
  state.table.limit = bytes;
  shrinkTable(state, bytes);
}

/** Also when the limit was lower in between: the peer has evicted what was beyond that. */
function formatTableSizes(state: State): string {
  const { leastLimit, table } = state;
  state.leastLimit = -1;
  const limit = formatInteger(0x20, 0x1f, table.limit);
  return leastLimit < table.limit ? formatInteger(0x20, 0x1f, leastLimit) + limit : limit;
}

function shrinkTable(state: State, bytes: number): void {
  const { newest, table } = state;
  while (table.count > 0 && table.bytes > bytes) {
    const number = table.added - table.count;
    const { name } = dropOldest(table);
    if (newest.get(name) === number) newest.delete(name);
  }
}

function buildKnownNames(): Map<string, KnownName> {
  const names = new Map<string, KnownName>();
  for (let index = 1; index <= staticCount; index++) {
    const name = staticFields[2 * index] as string;
    const known = names.get(name);
    if (known === undefined) names.set(name, { first: index, last: index, form: withIndexing });
    else known.last = index;
  }
  for (const name of volatileNames) setForm(names, name, withoutIndexing);
  for (const name of secretNames) setForm(names, name, neverIndexed);
  return names;
}

function setForm(names: Map<string, KnownName>, name: string, form: number): void {
  const known = names.get(name);
  if (known === undefined) names.set(name, { first: 0, last: -1, form });
  else known.form = form;
}
