/** Short strings out of bytes: a call into the runtime costs more than a few characters do. */

/** Up to 12 characters V8 joins into a flat string, not a tree of joints; up to these it is faster. */
const shortLength = 8;

/** The bytes [start, end) as latin-1, in memory of its own. */
export function latin1Text(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > shortLength) {
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return buffer.toString("latin1", start, end);
  }
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}
