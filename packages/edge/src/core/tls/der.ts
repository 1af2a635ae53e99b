/** As much of DER (X.690) as a certificate needs: values in, bytes out. */

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: tag, length, content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content);
  return Buffer.concat([Uint8Array.of(tag, ...lengthBytes(body.length)), body]);
}

/** "2.5.29.17" */
export function objectId(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return der(derTag.objectId, Uint8Array.of(first * 40 + second, ...rest.flatMap(base128)));
}

/** A number that is not negative, as its bytes from the highest. */
export function integer(bytes: Uint8Array): Uint8Array {
  const isHigh = ((bytes[0] ?? 0) & 0x80) !== 0; // or it would be read as negative
  return der(derTag.integer, isHigh ? Buffer.concat([Uint8Array.of(0), bytes]) : bytes);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return der(derTag.bitString, Uint8Array.of(unusedBits), bytes);
}

export function utf8String(text: string): Uint8Array {
  return der(derTag.utf8String, Buffer.from(text, "utf8"));
}

/** @param iso "2026-11-22T11:00:00.000Z", before 2050 */
export function utcTime(iso: string): Uint8Array {
  return der(derTag.utcTime, Buffer.from(`${iso.slice(2, 19).replace(/[-T:]/g, "")}Z`, "latin1"));
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  return [0x82, length >> 8, length & 0xff];
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}
