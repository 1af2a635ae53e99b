/**
 * A response head, from text to record, as strictly as a request: what is ambiguous is a 502.
 * The worker's HEAD frame has the same form, without version and empty line.
 */
import { type ConnectionOptions, connectionNames, readConnection } from "./connection.ts";
import { lineField, lineName, lineStride, lineValue } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import type { HeadLimits } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { scanLines } from "./scan-lines.ts";

/**
 * Parses text[start, end), a head as `findHeadEnd` delimits it.
 *
 * @param requestMethod of the request it answers: HEAD has no body
 * @returns 0, or 502 when it must not be passed on (and the connection not used again); `head.problem` says why
 */
export function parseResponseHead(
  text: string,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
  head: ResponseHead,
): number {
  const lineEnd = text.indexOf("\r\n", start);
  const match = /^HTTP\/1\.(\d) /.exec(text.slice(start, lineEnd));
  if (match === null) return refuse(head, "the answer does not start with HTTP/1.x");
  head.minor = match[1] === "0" ? 0 : 1;
  return parseAfterVersion(text, start + 9, lineEnd, end - 2, limits, requestMethod, head);
}

/**
 * Parses the payload of a worker's HEAD or INFORM frame: `200 OK\r\nName: value\r\n…`.
 *
 * @returns 0, or 502
 */
export function parseWorkerHead(
  text: string,
  limits: HeadLimits,
  requestMethod: string,
  head: ResponseHead,
): number {
  head.minor = 1;
  const lineEnd = text.indexOf("\r\n");
  if (lineEnd < 0) return refuse(head, "the status line has no end");
  return parseAfterVersion(text, 0, lineEnd, text.length, limits, requestMethod, head);
}

function parseAfterVersion(
  text: string,
  start: number,
  lineEnd: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
  head: ResponseHead,
): number {
  head.problem = "";
  head.text = text;
  head.lineCount = 0;
  const match = /^([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(text.slice(start, lineEnd));
  if (match === null) return refuse(head, "the status line is malformed");
  head.status = Number(match[1]);
  head.reason = match[2] ?? "";
  const problem = scanLines(head, lineEnd + 2, end, limits.headerCount);
  if (problem !== "") return refuse(head, problem);
  return readFields(head, requestMethod);
}

function readFields(head: ResponseHead, requestMethod: string): number {
  const connection: ConnectionOptions = {
    close: false,
    keepAlive: false,
    upgrade: false,
    namesFields: false,
  };
  let coding = "";
  let chunked = false;
  let upgrade = "";
  head.contentLength = -1;
  head.hasDate = false;
  for (let index = 0; index < head.lineCount; index++) {
    switch (lineField(head, index)) {
      case fieldId.contentLength: {
        const value = lineValue(head, index);
        if (head.contentLength >= 0) return refuse(head, "more than one Content-Length");
        if (!/^\d{1,15}$/.test(value)) return refuse(head, "Content-Length is not a number");
        head.contentLength = Number(value);
        break;
      }
      case fieldId.transferEncoding:
        if (chunked) return refuse(head, "more than one Transfer-Encoding");
        coding = lineValue(head, index).toLowerCase();
        chunked = true;
        break;
      case fieldId.connection:
        readConnection(lineValue(head, index), connection);
        break;
      case fieldId.upgrade:
        upgrade = lineValue(head, index).toLowerCase();
        break;
      case fieldId.date:
        head.hasDate = true;
        break;
      default:
    }
  }
  if (chunked) {
    if (coding !== "chunked") return refuse(head, "a transfer coding other than chunked");
    if (head.contentLength >= 0) return refuse(head, "both Content-Length and Transfer-Encoding");
    if (head.minor === 0) return refuse(head, "Transfer-Encoding in HTTP/1.0");
  }
  head.keepAlive = head.minor === 1 ? !connection.close : connection.keepAlive && !connection.close;
  head.upgrade = head.status === 101 ? upgrade : "";
  if (requestMethod === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304) {
    head.body = "none";
  } else if (chunked) {
    head.body = "chunked";
  } else if (head.contentLength >= 0) {
    head.body = "length";
  } else {
    head.body = "until-close";
    head.keepAlive = false;
  }
  head.forwardable = forwardableLines(head, connection.namesFields);
  return 0;
}

function forwardableLines(head: ResponseHead, namesFields: boolean): string {
  let out = "";
  for (let index = 0; index < head.lineCount; index++) {
    switch (lineField(head, index)) {
      case fieldId.connection:
      case fieldId.contentLength:
      case fieldId.transferEncoding:
      case fieldId.keepAlive:
      case fieldId.proxyConnection:
      case fieldId.te:
      case fieldId.trailer:
      case fieldId.upgrade:
        continue;
      default:
    }
    if (namesFields && connectionNames(head, lineName(head, index).toLowerCase())) continue;
    const at = head.lines[index * lineStride] as number;
    out += head.text.slice(at, head.text.indexOf("\r\n", at) + 2);
  }
  return out;
}

function refuse(head: ResponseHead, problem: string): number {
  head.problem = problem;
  head.keepAlive = false;
  return 502;
}
