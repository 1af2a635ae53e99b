/**
 * The Huffman code of HPACK (RFC 7541 §5.2, Appendix B), decoding only. A state is an inner node of
 * the code's tree and a step is four bits: as no code is shorter than five, a step ends one symbol
 * at most. The tables are built when the first string asks for them.
 */
import { latin1Text } from "./latin1.ts";

/**
 * Bits of the code of each byte, and of EOS at the end. The code is canonical: in the order of
 * length, then of symbol, each code is the one before plus one. So the lengths are all of it.
 */
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const eos = 256;
const shortestCode = 5;
const longestCode = 30;
const maxPaddingBits = 7;

/** A step is the next state, the symbol << 8 if one ended, and these. */
const hasSymbol = 1 << 16;
const isEos = 1 << 17;

interface Machine {
  /** The step from a state by a nibble, at 16 × state + nibble. */
  readonly steps: Uint32Array;
  /** 1 for a state a string may end in: at most seven bits into a code, all ones. */
  readonly isEnd: Uint8Array;
}

const keptBytes = 8192;
let machine: Machine | undefined;
let kept: Buffer | undefined;
let unpacked: Buffer | undefined;

/**
 * Decodes bytes[start, end) into memory shared by all callers; `unpackedText` reads it.
 *
 * @returns the length of the text; -1 when the padding is wrong or EOS is in it (RFC 7541 §5.2)
 */
export function unpackHuffman(bytes: Uint8Array, start: number, end: number): number {
  machine ??= buildMachine();
  const { steps, isEnd } = machine;
  const text = memoryFor(Math.ceil(((end - start) * 8) / shortestCode));
  let length = 0;
  let state = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const high = steps[(state << 4) | (byte >> 4)] as number;
    if (high >= hasSymbol) {
      if (high >= isEos) return -1;
      text[length++] = (high >> 8) & 255;
    }
    const low = steps[((high & 255) << 4) | (byte & 15)] as number;
    if (low >= hasSymbol) {
      if (low >= isEos) return -1;
      text[length++] = (low >> 8) & 255;
    }
    state = low & 255;
  }
  return isEnd[state] === 1 ? length : -1;
}

/** What the last `unpackHuffman` decoded, of the length it returned. */
export function unpackedText(length: number): string {
  return unpacked === undefined ? "" : latin1Text(unpacked, 0, length);
}

function memoryFor(byteCount: number): Buffer {
  kept ??= Buffer.allocUnsafeSlow(keptBytes);
  unpacked = byteCount <= keptBytes ? kept : Buffer.allocUnsafeSlow(byteCount);
  return unpacked;
}

function buildMachine(): Machine {
  const children = buildTree();
  const states = children.length / 2;
  const steps = new Uint32Array(16 * states);
  for (let state = 0; state < states; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      steps[16 * state + nibble] = stepOf(children, state, nibble);
    }
  }
  const isEnd = new Uint8Array(states);
  let node = 0;
  for (let bits = 0; bits <= maxPaddingBits; bits++) {
    isEnd[node] = 1;
    node = children[2 * node + 1] as number;
  }
  return { steps, isEnd };
}

/** Where bit b leads from node n, at 2n + b: to an inner node, or to a symbol s as -1 - s. */
function buildTree(): Int16Array {
  const children = new Int16Array(2 * eos); // a tree of 257 leaves has 256 inner nodes
  let nodes = 1;
  let code = 0;
  for (let bits = shortestCode; bits <= longestCode; bits++) {
    for (let symbol = 0; symbol <= eos; symbol++) {
      if (codeBits[symbol] !== bits) continue;
      let node = 0;
      for (let bit = bits - 1; bit > 0; bit--) {
        const slot = 2 * node + ((code >> bit) & 1);
        if (children[slot] === 0) children[slot] = nodes++;
        node = children[slot] as number;
      }
      children[2 * node + (code & 1)] = -1 - symbol;
      code++;
    }
    code *= 2;
  }
  return children;
}

function stepOf(children: Int16Array, state: number, nibble: number): number {
  let node = state;
  let ended = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[2 * node + ((nibble >> bit) & 1)] as number;
    if (child >= 0) node = child;
    else {
      const symbol = -1 - child;
      if (symbol === eos) return isEos;
      ended = hasSymbol | (symbol << 8);
      node = 0;
    }
  }
  return ended | node;
}
