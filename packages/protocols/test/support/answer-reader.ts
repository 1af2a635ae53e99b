/** An upstream's answer as the edge reads it: head, body, and what the end of the connection means. */
import {
  chunkedBody,
  createResponseHead,
  type Framing,
  findHeadEnd,
  noBody,
  parseResponseHead,
  type ResponseHead,
} from "../../src/index.ts";
import { createBodyReader, endBody, readBody, startBody, untilClose } from "./body-reader.ts";
import { limits } from "./requests.ts";

export interface Answer {
  /** 0 when no head was accepted. */
  readonly status: number;
  readonly body: string;
  readonly complete: boolean;
  readonly problem: string;
}

export function readAnswer(pieces: readonly Buffer[]): Answer {
  const head = createResponseHead();
  const reader = createBodyReader();
  const shared = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)));
  let pending = "";
  let searched = 0;
  let body = "";
  let status = 0;
  for (const piece of pieces) {
    piece.copy(shared);
    let at = 0;
    if (status === 0) {
      const kept = pending.length;
      pending += shared.toString("latin1", 0, piece.length);
      const end = findHeadEnd(pending, 0, searched, limits);
      searched = pending.length;
      if (end === 0) continue;
      const refused = end < 0 || parseResponseHead(pending, 0, end, limits, "GET", head) !== 0;
      if (refused) return { status: 0, body, complete: false, problem: head.problem };
      status = head.status;
      startBody(reader, framingOf(head));
      at = end - kept;
    }
    while (at < piece.length && !reader.done) {
      at = readBody(reader, shared, at, piece.length);
      if (reader.problem !== "") return { status, body, complete: false, problem: reader.problem };
      body += shared.toString("latin1", reader.dataStart, reader.dataEnd);
    }
    shared.fill(0xee);
  }
  return { status, body, complete: status !== 0 && endBody(reader), problem: "cut short" };
}

function framingOf(head: ResponseHead): Framing {
  switch (head.body) {
    case "none":
      return noBody;
    case "length":
      return head.contentLength;
    case "chunked":
      return chunkedBody;
    default:
      return untilClose;
  }
}
