/**
 * HalfSipHash-1-3 with 64 bits of output (Aumasson, Bernstein; the variant Linux uses for its
 * tables): whoever does not know the seed cannot choose keys that fall together.
 */

/** The last hash: written by `hashKey`, so that nothing is allocated. */
export interface KeyHash {
  low: number;
  high: number;
}

/**
 * @param seed two 32-bit numbers, random
 * @param text latin-1; longer texts cost in proportion
 */
export function hashKey(
  seed: readonly [low: number, high: number],
  text: string,
  into: KeyHash,
): void {
  let v0 = seed[0];
  let v1 = seed[1] ^ 0xee;
  let v2 = 0x6c796765 ^ seed[0];
  let v3 = 0x74656462 ^ seed[1];
  const { length } = text;
  // One step for each four characters, then one for the rest and the length, then the finals.
  const words = length >>> 2;
  const steps = words + 1;
  for (let step = 0; step < steps + 6; step += 1) {
    let word = 0;
    if (step < words) {
      const at = step << 2;
      word =
        text.charCodeAt(at) |
        (text.charCodeAt(at + 1) << 8) |
        (text.charCodeAt(at + 2) << 16) |
        (text.charCodeAt(at + 3) << 24);
    } else if (step === words) {
      word = length << 24;
      for (let at = words << 2, shift = 0; at < length; at += 1, shift += 8) {
        word |= text.charCodeAt(at) << shift;
      }
    } else if (step === steps) {
      v2 ^= 0xee;
    } else if (step === steps + 3) {
      into.low = (v1 ^ v3) >>> 0;
      v1 ^= 0xdd;
    }
    if (step < steps) v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (step < steps) v0 ^= word;
  }
  into.high = (v1 ^ v3) >>> 0;
}
