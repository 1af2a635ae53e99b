/** Keys of coded bodies: those of their answers, and what cannot be the beginning of a part of one. */

const mark = "\n~";

/** @param digest of the body it was made of */
export function codedKey(key: string, encoding: string, digest: string): string {
  return `${key}${mark}${encoding} ${digest}`;
}

export function isCodedKey(key: string): boolean {
  return /\n~[a-z]+ [\w-]{27}$/.test(key);
}
