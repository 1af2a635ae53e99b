/** A parsed response head of an upstream or a worker: one record, filled again and again. */
import { type HeadLines, lineStride } from "./head-lines.ts";

/** How the body of a response is delimited by whoever sent it. */
export type BodyKind = "none" | "length" | "chunked" | "until-close";

export interface ResponseHead extends HeadLines {
  status: number;
  /** As received; may be empty. */
  reason: string;
  /** 0 or 1; 1 for a worker's head. */
  minor: number;
  body: BodyKind;
  /** Content-Length as announced, also where there is no body (HEAD, 304); else -1. */
  contentLength: number;
  /** Whether the connection to the upstream may be used again once this body has been read. */
  keepAlive: boolean;
  /** The Upgrade token in lower case of a 101; else "". */
  upgrade: string;
  /** The header lines to pass on, each ended by CRLF: no hop-by-hop field, no framing. */
  forwardable: string;
  /** X-Accel-* and X-Sendfile, each line ended by CRLF: what it wants the edge to do. "" for nothing. */
  orders: string;
  /** Whether `forwardable` has a Date. */
  hasDate: boolean;
  /** Why it was refused; "" when it was not. */
  problem: string;
}

export function createResponseHead(): ResponseHead {
  return {
    text: "",
    lines: new Int32Array(24 * lineStride),
    lineCount: 0,
    status: 0,
    reason: "",
    minor: 1,
    body: "none",
    contentLength: -1,
    keepAlive: false,
    upgrade: "",
    forwardable: "",
    orders: "",
    hasDate: false,
    problem: "",
  };
}

/** Lets go of the text. For a connection that goes idle. */
export function clearResponseHead(head: ResponseHead): void {
  head.text = "";
  head.lineCount = 0;
  head.reason = "";
  head.upgrade = "";
  head.forwardable = "";
  head.orders = "";
}
