/** What a client says in `Authorization: Basic …` (RFC 7617). */

export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** Longer ones are nobody's. */
const maxLength = 1_024;

/**
 * @param decode from base64 to UTF-8 text
 * @returns undefined for anything that is no name and password
 */
export function parseBasicCredentials(
  field: string | undefined,
  decode: (base64: string) => string,
): BasicCredentials | undefined {
  if (field === undefined || field.length > maxLength) return undefined;
  const match = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(field);
  if (match?.[1] === undefined) return undefined;
  const text = decode(match[1]);
  const colon = text.indexOf(":"); // a name has none, a password may
  // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 §2 does not allow them
  if (colon < 1 || /[\x00-\x1f\x7f]/.test(text)) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
