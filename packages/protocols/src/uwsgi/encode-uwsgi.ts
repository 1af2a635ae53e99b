/**
 * The uwsgi protocol, our side as a client: modifier 0, a WSGI request.
 *
 *   u8 modifier1 = 0 | u16 LE length | u8 modifier2 = 0 | (u16 LE length, bytes)* of names and values
 *
 * The body follows as it is, CONTENT_LENGTH bytes of it; the answer is HTTP or CGI until the server
 * closes (`parseCgiResponse`). One request per connection.
 */
import type { CgiBlock } from "../worker/frames.ts";

/** Most bytes that all variables, with their lengths, may have. */
export const maxUwsgiVariables = 65_535;

/**
 * The head of a request as latin-1 text.
 *
 * @returns "" when the variables are too long for the protocol: 431 is the answer
 */
export function encodeUwsgiRequest(block: CgiBlock): string {
  let variables = "";
  for (let from = 0; from <= block.length; ) {
    const nul = block.indexOf("\0", from);
    const end = nul < 0 ? block.length : nul;
    if (end - from > maxUwsgiVariables) return "";
    variables += littleEndian(end - from);
    variables += block.slice(from, end);
    from = end + 1;
  }
  if (variables.length > maxUwsgiVariables) return "";
  return `\0${littleEndian(variables.length)}\0${variables}`;
}

/** Nearly all lengths are short: made once, since making strings is what this costs. */
const shortLengths: readonly string[] = Array.from({ length: 256 }, (_, length) =>
  String.fromCharCode(length, 0),
);

function littleEndian(value: number): string {
  return shortLengths[value] ?? String.fromCharCode(value & 255, value >> 8);
}
