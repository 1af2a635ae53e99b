/**
 * A parsed request head: one record, filled again and again by `parseRequestHead`. It holds slices
 * of the text it was parsed from and no other memory; `clearRequestHead` lets that text go.
 */
import { type HeadLines, lineStride } from "./head-lines.ts";

export interface RequestHead extends HeadLines {
  /** A token, as received (methods are case-sensitive). */
  method: string;
  /** The request target as received. */
  target: string;
  /** The normalised path ("/…", or "*" for OPTIONS *): what is matched, served and forwarded. */
  path: string;
  /** What follows "?", without it; as received. */
  query: string;
  /** Whether the target had a "?" (an empty query is forwarded as it came). */
  hasQuery: boolean;
  /** Lower-case name, or an address in brackets, without port; "" where HTTP/1.0 gave none. */
  host: string;
  /** The port of the Host; 0 when it names none. */
  port: number;
  /** `host`, with ":port" when it names one: the Host that is forwarded. */
  authority: string;
  /** The minor version spoken: 0 or 1. */
  minor: number;
  /** What it was received in, for Via (RFC 9110 §7.6.3): "1.0", "1.1", or what a translation sets. */
  received: string;
  keepAlive: boolean;
  /** Bytes of body announced; -1 when there is no Content-Length. */
  contentLength: number;
  chunked: boolean;
  expectContinue: boolean;
  /** The Upgrade token in lower case, when Connection names it; else "". */
  upgrade: string;
  /** Where the request line starts in `text`. */
  start: number;
  /** Whether the request line can be forwarded as it came: origin-form, normal, HTTP/1.1. */
  lineIsPlain: boolean;
  /** Whether the Host line can be forwarded as it came. */
  hostIsPlain: boolean;
  /** Fields that Connection names, in lower case, which must not be forwarded; null when none. */
  named: ReadonlySet<string> | null;
  /** Why the head was refused; "" when it was not. Plain words, no bytes of the client. */
  problem: string;
}

export interface HeadLimits {
  /** Bytes of the whole head, request line and empty line included. */
  readonly headerBytes: number;
  readonly headerCount: number;
}

/** Longest request target that is accepted, in bytes; beyond it 414. */
export const maxTargetBytes = 8192;

/** As it is now: the record of a connection is filled again by its next request. Text is shared. */
export function copyRequestHead(head: RequestHead): RequestHead {
  return { ...head, lines: head.lines.slice() };
}

/** An empty record, to be used for any number of requests, one after the other. */
export function createRequestHead(): RequestHead {
  return {
    text: "",
    lines: new Int32Array(24 * lineStride),
    lineCount: 0,
    method: "",
    target: "",
    path: "",
    query: "",
    hasQuery: false,
    host: "",
    port: 0,
    authority: "",
    minor: 1,
    received: "1.1",
    keepAlive: false,
    contentLength: -1,
    chunked: false,
    expectContinue: false,
    upgrade: "",
    start: 0,
    lineIsPlain: false,
    hostIsPlain: false,
    named: null,
    problem: "",
  };
}

/** Lets go of the text (a slice keeps all of what was read alive). For a connection that goes idle. */
export function clearRequestHead(head: RequestHead): void {
  head.text = "";
  head.lineCount = 0;
  head.method = "";
  head.target = "";
  head.path = "";
  head.query = "";
  head.host = "";
  head.authority = "";
  head.upgrade = "";
  head.named = null;
}
