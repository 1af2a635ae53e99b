/**
 * How many fields a header block has (RFC 7541 §6), by its structure alone: nothing is decompressed.
 * nghttp2 leaves out in silence what may not be in a request, such as a value with a line end in it;
 * RFC 9113 §8.2.1 calls the request malformed. What is missing is seen by counting.
 */

export interface FieldCounter {
  /** Of the block so far. */
  readonly count: () => number;
  readonly reset: () => void;
  /** The next bytes of the block are bytes[start, end). */
  readonly read: (bytes: Uint8Array, start: number, end: number) => void;
}

const representation = 0;
const indexContinued = 1;
const nameLength = 2;
const nameLengthContinued = 3;
const name = 4;
const valueLength = 5;
const valueLengthContinued = 6;
const value = 7;

export function createFieldCounter(): FieldCounter {
  let fields = 0;
  let state = representation;
  /** What follows an index that goes on. */
  let afterIndex = representation;
  /** Bytes of the string that are still to come. */
  let ahead = 0;
  let shift = 0;

  function begin(byte: number): void {
    const bits = byte >= 0x80 ? 7 : byte >= 0x40 ? 6 : byte >= 0x20 ? 5 : 4;
    const index = byte & (2 ** bits - 1);
    if (bits !== 5) fields += 1; // 5: a change of the table's size
    const hasStrings = bits === 6 || bits === 4;
    afterIndex = hasStrings ? valueLength : representation;
    if (index === 2 ** bits - 1) state = indexContinued;
    else state = hasStrings && index === 0 ? nameLength : afterIndex;
  }

  function beginString(byte: number, continued: number, text: number): void {
    ahead = byte & 0x7f;
    shift = 0;
    if (ahead === 0x7f) state = continued;
    else enter(text);
  }

  function continueString(byte: number, text: number): void {
    // nghttp2 takes no string as long as would overflow this.
    ahead += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (byte < 0x80) enter(text);
  }

  function enter(text: number): void {
    if (ahead > 0) state = text;
    else state = text === name ? valueLength : representation;
  }

  return {
    count: () => fields,
    reset() {
      fields = 0;
      state = representation;
    },
    read(bytes, start, end) {
      let at = start;
      while (at < end) {
        if (state === name || state === value) {
          const step = Math.min(ahead, end - at);
          at += step;
          ahead -= step;
          if (ahead === 0) enter(state);
          continue;
        }
        const byte = bytes[at++] as number;
        if (state === representation) begin(byte);
        else if (state === indexContinued) state = byte >= 0x80 ? indexContinued : afterIndex;
        else if (state === nameLength) beginString(byte, nameLengthContinued, name);
        else if (state === nameLengthContinued) continueString(byte, name);
        else if (state === valueLength) beginString(byte, valueLengthContinued, value);
        else continueString(byte, value);
      }
    },
  };
}
