/** Response heads as the client gets them. */
import { chunkedBody, type Framing, noBody, untilClose } from "./framing.ts";
import { reasonOf } from "./reasons.ts";
import type { ResponseHead } from "./response-head.ts";

/** What the edge decides about an answer. One object may serve many. */
export interface ResponseOptions {
  /** The client's minor version, 0 or 1. */
  minor: number;
  /** Whether the connection stays open after this answer. */
  keepAlive: boolean;
  /** How the body will be written; `noBody` where there is none (HEAD, 204, 304). */
  framing: Framing;
  /** The Date to add where the app gave none (`formatHttpDate`, cached for a second). */
  date: string;
  /** More header lines, each ended by CRLF; "" for none. */
  extra: string;
}

/** The whole head, as latin-1 text, ending in the empty line. */
export function formatResponseHead(head: ResponseHead, options: ResponseOptions): string {
  const { status } = head;
  let out = `HTTP/1.1 ${status} ${head.reason}\r\n${head.forwardable}${options.extra}`;
  if (status < 200) return `${out}\r\n`;
  if (!head.hasDate) out += `Date: ${options.date}\r\n`;
  return `${out}${framingLines(status, options, head.contentLength)}\r\n`;
}

/**
 * The head of an answer of our own.
 *
 * @param lines header lines without Date, framing and Connection, each ended by CRLF
 * @param contentLength what a HEAD or 304 announces although `framing` is `noBody`; -1 for nothing
 */
export function formatOwnHead(
  status: number,
  lines: string,
  contentLength: number,
  options: ResponseOptions,
): string {
  const framing = framingLines(status, options, contentLength);
  return `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines}${options.extra}Date: ${options.date}\r\n${framing}\r\n`;
}

/** The head of a 1xx that an upstream or a worker sent; "" for a client that speaks 1.0. */
export function formatInformHead(head: ResponseHead, minor: number): string {
  return minor === 0 ? "" : `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.forwardable}\r\n`;
}

/** How to write to the client what was received: as it is delimited there, if the client can read that. */
export function clientFraming(head: ResponseHead, minor: number): Framing {
  if (head.body === "none") return noBody;
  if (head.body === "length") return head.contentLength;
  return minor === 0 ? untilClose : chunkedBody;
}

/** What a client that waits with its body is told (RFC 9110 §10.1.1). */
export const continueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

function framingLines(status: number, options: ResponseOptions, contentLength: number): string {
  let out = "";
  let keepAlive = options.keepAlive;
  if (options.framing >= 0 && status !== 204) out = `Content-Length: ${options.framing}\r\n`;
  else if (options.framing === chunkedBody) out = "Transfer-Encoding: chunked\r\n";
  else if (options.framing === untilClose) keepAlive = false;
  else if (options.framing === noBody && contentLength >= 0 && status !== 204) {
    out = `Content-Length: ${contentLength}\r\n`; // RFC 9110 §8.6: of the body it stands for
  }
  if (!keepAlive) return `${out}Connection: close\r\n`;
  return options.minor === 0 ? `${out}Connection: keep-alive\r\n` : out;
}
