/** Requests as raw text, through the codec as an edge uses it. */
import {
  chunkedBody,
  createClientMemo,
  createRequestHead,
  type ForwardOptions,
  findHeadEnd,
  formatCgiBlock,
  formatForwardedRequest,
  type HeadLimits,
  noBody,
  parseRequestHead,
  type RequestHead,
} from "../../src/index.ts";

export const limits: HeadLimits = { headerBytes: 32 * 1024, headerCount: 100 };

export const options: ForwardOptions = {
  peerAddress: "203.0.113.9",
  peerPort: 50_000,
  clientAddress: "203.0.113.9",
  scheme: "http",
  trusted: false,
  serverName: "10.0.0.1",
  serverPort: 8080,
  stripPrefix: "",
  framing: noBody,
  said: createClientMemo(),
};

/** What an outer proxy at 10.0.0.2, which is trusted, sends on. */
export const trusted: ForwardOptions = {
  ...options,
  peerAddress: "10.0.0.2",
  clientAddress: "198.51.100.7",
  trusted: true,
};

export interface Parsed {
  readonly status: number;
  readonly head: RequestHead;
}

/** The status of a raw request (0: accepted, -1: more bytes needed) and the record it filled. */
export function parse(raw: string, head = createRequestHead()): Parsed {
  const end = findHeadEnd(raw, 0, 0, limits);
  if (end < 0) return { status: -end, head };
  if (end === 0) return { status: -1, head };
  return { status: parseRequestHead(raw, 0, end, limits, head), head };
}

export function statusOf(raw: string): number {
  return parse(raw).status;
}

function framingOf(head: RequestHead): number {
  if (head.chunked) return chunkedBody;
  return head.contentLength >= 0 ? head.contentLength : noBody;
}

/** The lines an upstream gets for a raw request, without what we always add about the client. */
export function forwardedLines(raw: string, overrides: Partial<ForwardOptions> = {}): string[] {
  return allForwardedLines(raw, overrides).filter((line) => !ours.has(line));
}

const ours = new Set([
  "X-Forwarded-For: 203.0.113.9",
  "X-Real-IP: 203.0.113.9",
  "X-Forwarded-Proto: http",
  "X-Forwarded-Host: a.test",
  "Via: 1.1 stack",
]);

export function allForwardedLines(raw: string, overrides: Partial<ForwardOptions> = {}): string[] {
  const { status, head } = parse(raw);
  if (status !== 0) throw new Error(`refused with ${status}: ${head.problem}`);
  const framing = framingOf(head);
  const text = formatForwardedRequest(head, { ...options, framing, ...overrides });
  if (!text.endsWith("\r\n\r\n")) throw new Error("no empty line at the end");
  return text.slice(0, -4).split("\r\n");
}

/** The CGI variables a worker gets for a raw request. */
export function cgiOf(raw: string, overrides: Partial<ForwardOptions> = {}): Map<string, string> {
  const { status, head } = parse(raw);
  if (status !== 0) throw new Error(`refused with ${status}: ${head.problem}`);
  const parts = formatCgiBlock(head, { ...options, ...overrides }).split("\0");
  const variables = new Map<string, string>();
  for (let index = 0; index < parts.length; index += 2) {
    const key = parts[index] ?? "";
    if (variables.has(key)) throw new Error(`${key} twice`);
    variables.set(key, parts[index + 1] ?? "(missing)");
  }
  return variables;
}
