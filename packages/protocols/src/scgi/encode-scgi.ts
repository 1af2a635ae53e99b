/**
 * SCGI, our side as a client: `LENGTH:` CONTENT_LENGTH NUL value NUL SCGI NUL 1 NUL … `,` and then the
 * body. The answer is CGI until the server closes (`parseCgiResponse`). One request per connection.
 */
import type { CgiBlock } from "../worker/frames.ts";

/** The head of a request as latin-1 text; CONTENT_LENGTH comes first, "0" where the block has none. */
export function encodeScgiRequest(block: CgiBlock): string {
  const key = "\0CONTENT_LENGTH\0";
  const at = `\0${block}`.indexOf(key);
  const from = at + key.length - 1;
  const nul = at < 0 ? -1 : block.indexOf("\0", from);
  const end = nul < 0 ? block.length : nul;
  const length = at < 0 ? "0" : block.slice(from, end);
  const rest = at < 0 ? block : block.slice(0, Math.max(0, at - 1)) + block.slice(end);
  const others = rest.startsWith("\0") ? rest.slice(1) : rest;
  const head = `CONTENT_LENGTH\0${length}\0SCGI\x001\0${others}\0`;
  return `${head.length}:${head},`;
}
