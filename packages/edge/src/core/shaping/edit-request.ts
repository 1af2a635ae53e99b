/**
 * `requestHeaders`: the head of a request with other lines. It is written anew and parsed by the
 * same strict parser as what clients send, so that what is forwarded stays one unambiguous request.
 */
import type { HeaderChanges } from "@stack/config";
import { lineName, lineValue, parseRequestHead, type RequestHead } from "@stack/protocols";

/** What the client sent was within its own limits. */
const limits = { headerBytes: 1024 * 1024, headerCount: 2_000 };

/** Changes `head` in place; false when the result would be no valid request. */
export type EditRequest = (head: RequestHead) => boolean;

export function createEditRequest(changes: HeaderChanges): EditRequest {
  const gone = new Set(
    [...changes.remove, ...changes.set.map(([name]) => name)].map((name) => name.toLowerCase()),
  );
  const added = [...changes.set, ...changes.add]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return (head) => {
    const { target, path, query, hasQuery, minor, contentLength, chunked } = head;
    const { keepAlive, expectContinue, upgrade, lineIsPlain, received } = head;
    let text = `${head.method} ${target} HTTP/1.${minor}\r\n`;
    for (let index = 0; index < head.lineCount; index += 1) {
      const name = lineName(head, index);
      if (!gone.has(name.toLowerCase())) text += `${name}: ${lineValue(head, index)}\r\n`;
    }
    text += `${added}\r\n`;
    const status = parseRequestHead(text, 0, text.length, limits, head);
    // What was decided of the message itself stays, however it was said (HTTP/2 says it otherwise).
    Object.assign(head, { path, query, hasQuery, contentLength, chunked });
    Object.assign(head, { keepAlive, expectContinue, upgrade, received });
    head.lineIsPlain = lineIsPlain && head.lineIsPlain;
    return status === 0;
  };
}
