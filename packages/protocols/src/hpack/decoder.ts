/**
 * Reads header blocks (RFC 7541). What an indexed field adds to the list are the strings of its
 * entry, so a block costs what its bytes cost, however large the list is that it stands for.
 */
import {
  addEntry,
  createDynamicTable,
  type DynamicTable,
  defaultTableBytes,
  dropOldest,
  entryOf,
  entryOverhead,
} from "./dynamic-table.ts";
import { unpackedText, unpackHuffman } from "./huffman.ts";
import { latin1Text } from "./latin1.ts";
import { staticCount, staticFields } from "./static-table.ts";

/** A list of fields as it was received. */
export interface FieldBlock {
  /** Name, value, name, value … latin-1, one character per byte. */
  readonly fields: string[];
  /** Sum of name + value + 32 over all fields (RFC 7541 §4.1), also of those left out. */
  readonly bytes: number;
  /** Fields beyond the decoder's bound were decoded, for the table's sake, but are not in the list. */
  readonly isTooLarge: boolean;
}

export interface HpackDecoder {
  /**
   * Decodes a whole header block, bytes[start, end).
   *
   * @returns undefined for a COMPRESSION_ERROR (RFC 9113 §4.3): the connection is lost
   */
  readonly decode: (bytes: Uint8Array, start: number, end: number) => FieldBlock | undefined;
}

export interface HpackDecoderOptions {
  /**
   * Our SETTINGS_HEADER_TABLE_SIZE, normally 4096. With less the peer must have acknowledged it
   * before the first block: until then its table is one of 4096.
   */
  readonly tableBytes: number;
  /** The list's bytes, counted as in RFC 7541 §4.1 (32 and more for each), beyond which fields are left out. */
  readonly listBytes: number;
}

interface State extends HpackDecoderOptions {
  readonly table: DynamicTable;
  /** The offset of what is read next. */
  at: number;
  /** The length of the text read last, whether or not a string was made of it. */
  textLength: number;
}

type OpenBlock = { -readonly [Key in keyof FieldBlock]: FieldBlock[Key] };

const maxInteger = 2 ** 31 - 1;
const maxContinuations = 5;

/** The state of one connection's direction: blocks must be given in the order they were received. */
export function createHpackDecoder(options: HpackDecoderOptions): HpackDecoder {
  const state: State = {
    tableBytes: options.tableBytes,
    listBytes: options.listBytes,
    table: createDynamicTable(Math.min(options.tableBytes, defaultTableBytes)),
    at: 0,
    textLength: 0,
  };
  return { decode: (bytes, start, end) => decodeBlock(state, bytes, start, end) };
}

function decodeBlock(
  state: State,
  bytes: Uint8Array,
  start: number,
  end: number,
): FieldBlock | undefined {
  const block: OpenBlock = { fields: [], bytes: 0, isTooLarge: false };
  state.at = start;
  while (state.at < end) {
    const first = bytes[state.at] as number;
    let isRead: boolean;
    if (first >= 0x80) isRead = readIndexed(state, block, bytes, end);
    else if (first >= 0x40) isRead = readLiteral(state, block, bytes, end, 0x3f);
    else if (first < 0x20) isRead = readLiteral(state, block, bytes, end, 0x0f);
    else isRead = block.bytes === 0 && readTableSize(state, bytes, end);
    if (!isRead) return undefined;
  }
  return block;
}

/** An indexed field (RFC 7541 §6.1). */
function readIndexed(state: State, block: OpenBlock, bytes: Uint8Array, end: number): boolean {
  const index = readInteger(state, bytes, end, 0x7f);
  if (index <= 0) return false;
  if (index <= staticCount) {
    addField(
      state,
      block,
      staticFields[2 * index] as string,
      staticFields[2 * index + 1] as string,
    );
    return true;
  }
  const { table } = state;
  const number = table.added - (index - staticCount);
  if (number < table.added - table.count) return false;
  const entry = entryOf(table, number);
  addField(state, block, entry.name, entry.value);
  return true;
}

/** A literal field, with incremental indexing (RFC 7541 §6.2.1) where `mask` says so, or without. */
function readLiteral(
  state: State,
  block: OpenBlock,
  bytes: Uint8Array,
  end: number,
  mask: 0x3f | 0x0f,
): boolean {
  const index = readInteger(state, bytes, end, mask);
  const isIndexed = mask === 0x3f;
  const room = roomFor(state, block, isIndexed);
  const name = index === 0 ? readText(state, bytes, end, room) : nameAt(state, index);
  if (name === undefined) return false;
  const nameLength = index === 0 ? state.textLength : name.length;
  const value = readText(state, bytes, end, room - nameLength);
  if (value === undefined) return false;
  const size = nameLength + state.textLength + entryOverhead;
  if (room - size + entryOverhead < 0) leaveOut(block, size);
  else addField(state, block, name, value);
  if (isIndexed) addToTable(state.table, name, value, size);
  return true;
}

/** The longest name and value together of which strings must be made: for the list or the table. */
function roomFor(state: State, block: OpenBlock, isIndexed: boolean): number {
  const inList = block.isTooLarge ? -1 : state.listBytes - block.bytes - entryOverhead;
  return isIndexed ? Math.max(inList, state.table.limit - entryOverhead) : inList;
}

function addField(state: State, block: OpenBlock, name: string, value: string): void {
  block.bytes += name.length + value.length + entryOverhead;
  if (block.isTooLarge) return;
  if (block.bytes > state.listBytes) block.isTooLarge = true;
  else block.fields.push(name, value);
}

function leaveOut(block: OpenBlock, size: number): void {
  block.bytes += size;
  block.isTooLarge = true;
}

/** @returns undefined when there is no such entry, or `index` is the -1 of a malformed integer */
function nameAt(state: State, index: number): string | undefined {
  if (index < 0) return undefined;
  if (index <= staticCount) return staticFields[2 * index];
  const { table } = state;
  const number = table.added - (index - staticCount);
  return number < table.added - table.count ? undefined : entryOf(table, number).name;
}

/** Evicts what must go; an entry larger than the table only empties it (RFC 7541 §4.4). */
function addToTable(table: DynamicTable, name: string, value: string, size: number): void {
  shrinkTable(table, table.limit - size);
  if (size <= table.limit) addEntry(table, { name, value, older: -1 });
}

/** A dynamic table size update (RFC 7541 §6.3). */
function readTableSize(state: State, bytes: Uint8Array, end: number): boolean {
  const size = readInteger(state, bytes, end, 0x1f);
  if (size < 0 || size > state.tableBytes) return false;
  state.table.limit = size;
  shrinkTable(state.table, size);
  return true;
}

function shrinkTable(table: DynamicTable, bytes: number): void {
  while (table.count > 0 && table.bytes > bytes) dropOldest(table);
}

/** @returns the integer whose prefix is the `mask` of the next byte (RFC 7541 §5.1); -1 if malformed */
function readInteger(state: State, bytes: Uint8Array, end: number, mask: number): number {
  let value = (bytes[state.at++] as number) & mask;
  if (value < mask) return value;
  let scale = 1;
  for (let count = 0; count < maxContinuations && state.at < end; count++) {
    const byte = bytes[state.at++] as number;
    value += (byte & 0x7f) * scale;
    if (value > maxInteger) return -1;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  return -1;
}

/**
 * Reads a string literal (RFC 7541 §5.2); `state.textLength` is its length.
 *
 * @param room the longest text that is wanted; a longer one is checked, but "" is returned for it
 * @returns undefined when it is malformed
 */
function readText(state: State, bytes: Uint8Array, end: number, room: number): string | undefined {
  if (state.at >= end) return undefined;
  const isHuffman = (bytes[state.at] as number) >= 0x80;
  const length = readInteger(state, bytes, end, 0x7f);
  const start = state.at;
  if (length < 0 || length > end - start) return undefined;
  state.at = start + length;
  if (isHuffman) {
    state.textLength = unpackHuffman(bytes, start, start + length);
    if (state.textLength < 0) return undefined;
    return state.textLength > room ? "" : unpackedText(state.textLength);
  }
  state.textLength = length;
  return length > room ? "" : latin1Text(bytes, start, start + length);
}
