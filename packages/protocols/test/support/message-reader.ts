/**
 * A connection's reader as the edge has it: every piece comes in the same buffer, which is
 * overwritten when the callback is over; what it makes of the pieces is returned as text.
 */
import {
  chunkedBody,
  createRequestHead,
  findHeadEnd,
  formatForwardedRequest,
  type HeadLimits,
  noBody,
  parseRequestHead,
} from "../../src/index.ts";
import { createBodyReader, readBody, startBody } from "./body-reader.ts";
import { options } from "./requests.ts";

interface Message {
  readonly method: string;
  readonly target: string;
  readonly forwarded: string;
  readonly keepAlive: boolean;
  readonly upgrade: string;
  body: string;
  complete: boolean;
}

export interface Outcome {
  readonly messages: readonly Message[];
  /** The status of the refusal that ended the connection; 0 when there was none. */
  readonly refused: number;
  readonly problem: string;
}

export function readRequests(pieces: readonly Buffer[], limits: HeadLimits): Outcome {
  const shared = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)));
  const head = createRequestHead();
  const body = createBodyReader();
  const messages: Message[] = [];
  let pending = "";
  let searched = 0;
  for (const piece of pieces) {
    piece.copy(shared);
    let at = 0;
    while (at < piece.length || !body.done) {
      if (!body.done) {
        const message = messages[messages.length - 1] as Message;
        at = readBody(body, shared, at, piece.length);
        if (body.problem !== "") return { messages, refused: 400, problem: body.problem };
        message.body += shared.toString("latin1", body.dataStart, body.dataEnd);
        message.complete = body.done;
        if (!body.done && at === piece.length) break;
        continue;
      }
      const last = messages[messages.length - 1];
      if (last?.keepAlive === false) return { messages, refused: 0, problem: "" };
      const kept = pending.length;
      pending += shared.toString("latin1", at, piece.length);
      const end = findHeadEnd(pending, 0, searched, limits);
      if (end < 0) return { messages, refused: -end, problem: "seen before its end" };
      if (end === 0) {
        searched = pending.length;
        break;
      }
      const status = parseRequestHead(pending, 0, end, limits, head);
      if (status !== 0) return { messages, refused: status, problem: head.problem };
      let framing = noBody;
      if (head.chunked) framing = chunkedBody;
      else if (head.contentLength >= 0) framing = head.contentLength;
      startBody(body, framing);
      messages.push({
        method: head.method,
        target: head.target,
        forwarded: formatForwardedRequest(head, { ...options, framing }),
        keepAlive: head.keepAlive,
        upgrade: head.upgrade,
        body: "",
        complete: body.done,
      });
      at += end - kept;
      pending = "";
      searched = 0;
    }
    shared.fill(0xee);
  }
  return { messages, refused: 0, problem: "" };
}

/** The bytes cut at the given offsets. */
export function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const sorted = [...new Set(offsets.map((offset) => offset % (bytes.length + 1)))];
  sorted.sort((one, other) => one - other);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const offset of [...sorted, bytes.length]) {
    if (offset > from) pieces.push(bytes.subarray(from, offset));
    from = offset;
  }
  return pieces;
}
