/**
 * SCGI, our side as a client: `LENGTH:` CONTENT_LENGTH NUL value NUL SCGI NUL 1 NUL … `,` and then the
 * body. The answer is CGI until the server closes (`parseCgiResponse`). One request per connection.
 */
import type { CgiBlock } from "../worker/frames.ts";

/** The head of a request as latin-1 text; CONTENT_LENGTH comes first, "0" where the block has none. */
export function encodeScgiRequest(block: CgiBlock): string {
  let length = "0";
  let others = "";
  // Pair by pair: a client may well send a value that reads CONTENT_LENGTH.
  for (let from = 0; from < block.length; ) {
    const nameEnd = block.indexOf("\0", from);
    const nul = block.indexOf("\0", nameEnd + 1);
    const end = nul < 0 ? block.length : nul;
    if (nameEnd - from === 14 && block.startsWith("CONTENT_LENGTH", from)) {
      length = block.slice(nameEnd + 1, end);
    } else {
      others += `${block.slice(from, end)}\0`;
    }
    from = end + 1;
  }
  const head = `CONTENT_LENGTH\0${length}\0SCGI\x001\0${others}`;
  return `${head.length}:${head},`;
}
