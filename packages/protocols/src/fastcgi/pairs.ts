/**
 * FastCGI name-value pairs (FastCGI 1.0 §3.4): both lengths, one byte below 128, else four with the
 * highest bit set, then both texts.
 */
import type { CgiBlock } from "../worker/frames.ts";

export function encodePairs(block: CgiBlock): string {
  let out = "";
  for (let from = 0; from < block.length; ) {
    const nameEnd = block.indexOf("\0", from);
    const nul = block.indexOf("\0", nameEnd + 1);
    const end = nul < 0 ? block.length : nul;
    const nameLength = nameEnd - from;
    const valueLength = end - nameEnd - 1;
    out +=
      nameLength < 128 && valueLength < 128
        ? String.fromCharCode(nameLength, valueLength)
        : encodeLength(nameLength) + encodeLength(valueLength);
    out += block.slice(from, nameEnd);
    out += block.slice(nameEnd + 1, end);
    from = end + 1;
  }
  return out;
}

/** The pairs of a whole stream; undefined when the lengths do not add up or a text has a NUL. */
export function decodePairs(text: string): CgiBlock | undefined {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const nameLength = lengthAt(text, at);
    at += lengthOfLength(text, at);
    const valueLength = lengthAt(text, at);
    const from = at + lengthOfLength(text, at);
    const nameEnd = from + nameLength;
    at = nameEnd + valueLength;
    if (!(at <= text.length)) return undefined; // NaN, past the end, too
    parts.push(text.slice(from, nameEnd), text.slice(nameEnd, at));
  }
  const block = parts.join("\0");
  // NUL is what separates them in the block.
  return parts.some((part) => part.includes("\0")) ? undefined : block;
}

function encodeLength(length: number): string {
  if (length < 128) return String.fromCharCode(length);
  return String.fromCharCode(
    (length >>> 24) | 128,
    (length >> 16) & 255,
    (length >> 8) & 255,
    length & 255,
  );
}

function lengthOfLength(text: string, at: number): number {
  return text.charCodeAt(at) < 128 ? 1 : 4;
}

function lengthAt(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first < 128) return first;
  return (
    (first - 128) * 2 ** 24 +
    text.charCodeAt(at + 1) * 2 ** 16 +
    text.charCodeAt(at + 2) * 2 ** 8 +
    text.charCodeAt(at + 3)
  );
}
