/**
 * A response head, from text to record, as strictly as a request: what is ambiguous is a 502. The
 * worker's HEAD frame has the same form, without version and empty line, and the same rules, since
 * the lines in it are an app's.
 */
import { connectionBit, namedFields, readConnection, staysOpen } from "./connection.ts";
import { readLength } from "./content-length.ts";
import { explainLines } from "./explain-head.ts";
import { isResponseHead, isWorkerHead } from "./grammar.ts";
import { lineName, lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import type { HeadLimits } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";
import { splitLines } from "./split-lines.ts";

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
  if (!isResponseHead(text, start, end)) {
    return refuse(head, explainResponse(text, start, end - 2, /^HTTP\/1\.\d [1-5]\d\d(?: |$)/));
  }
  head.minor = text.charCodeAt(start + 7) === 48 ? 0 : 1;
  return readHead(text, start + 9, end - 2, limits, requestMethod, head, 0);
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
  if (!isWorkerHead(text)) {
    return refuse(head, explainResponse(text, 0, text.length, /^[1-5]\d\d(?: |$)/));
  }
  head.minor = 1;
  const status = readHead(text, 0, text.length, limits, requestMethod, head, connectionBit.upgrade);
  // Frames delimit the body. An app that names a coding has no say in it (PEP 3333 forbids it).
  if (head.body === "chunked") head.body = head.contentLength >= 0 ? "length" : "until-close";
  return status;
}

/**
 * Reads on from the status code at `start`; `end` is after the last header line.
 *
 * @param connection what holds without a Connection field that says it
 */
function readHead(
  text: string,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
  head: ResponseHead,
  connection: number,
): number {
  head.problem = "";
  head.text = text;
  const lineEnd = text.indexOf("\r", start);
  head.status =
    (text.charCodeAt(start) - 48) * 100 +
    (text.charCodeAt(start + 1) - 48) * 10 +
    (text.charCodeAt(start + 2) - 48);
  head.reason = text.slice(start + 4, lineEnd);
  if (!splitLines(head, lineEnd + 2, end, limits.headerCount)) {
    return refuse(head, "too many header lines");
  }
  return readFields(head, requestMethod, connection);
}

function readFields(head: ResponseHead, requestMethod: string, assumed: number): number {
  const { lines, text } = head;
  let connection = assumed;
  let chunked = false;
  let upgrade = "";
  head.contentLength = -1;
  head.hasDate = false;
  head.orders = "";
  const linesEnd = head.lineCount * lineStride;
  for (let at = 0; at < linesEnd; at += lineStride) {
    switch (lines[at + 4]) {
      case fieldId.contentLength: {
        if (head.contentLength >= 0) return refuse(head, "more than one Content-Length");
        const length = readLength(text, lines[at + 2] as number, lines[at + 3] as number);
        if (length < 0) return refuse(head, "Content-Length is not a number");
        head.contentLength = length;
        break;
      }
      case fieldId.transferEncoding:
        if (chunked) return refuse(head, "more than one Transfer-Encoding");
        if (text.slice(lines[at + 2], lines[at + 3]).toLowerCase() !== "chunked") {
          return refuse(head, "a transfer coding other than chunked");
        }
        chunked = true;
        break;
      case fieldId.connection:
        connection |= readConnection(text.slice(lines[at + 2], lines[at + 3]));
        if (connection < 0) return refuse(head, "Connection lists too many options");
        break;
      case fieldId.upgrade:
        upgrade = text.slice(lines[at + 2], lines[at + 3]).toLowerCase();
        break;
      case fieldId.date:
        head.hasDate = true;
        break;
      case fieldId.internal:
        head.orders += text.slice(lines[at], lines[at + lineStride]);
        break;
      default:
    }
  }
  if (chunked && head.contentLength >= 0) {
    return refuse(head, "both Content-Length and Transfer-Encoding");
  }
  if (chunked && head.minor === 0) return refuse(head, "Transfer-Encoding in HTTP/1.0");
  const switches = head.status === 101 && (connection & connectionBit.upgrade) !== 0;
  head.upgrade = switches ? upgrade : "";
  if (switches && (chunked || head.contentLength > 0)) {
    return refuse(head, "a 101 cannot have a body");
  }
  head.keepAlive = staysOpen(connection, head.minor);
  decideBody(head, requestMethod, chunked);
  const namesFields = (connection & connectionBit.namesFields) !== 0;
  head.forwardable = forwardableLines(head, namesFields ? namedFields(head) : null);
  return 0;
}

/** RFC 9112 §6.3. */
function decideBody(head: ResponseHead, requestMethod: string, chunked: boolean): void {
  const { status } = head;
  if (status < 200 || status === 204) {
    head.body = "none";
    // It announced what it must not send (RFC 9110 §8.6): who knows what comes next.
    if (chunked || head.contentLength > 0) head.keepAlive = false;
    head.contentLength = -1;
  } else if (requestMethod === "HEAD") {
    head.body = "none";
  } else if (status === 304) {
    head.body = "none";
    // There are servers that send what they announce: it would be taken for the next answer.
    if (chunked || head.contentLength > 0) head.keepAlive = false;
  } else if (chunked) {
    head.body = "chunked";
  } else if (head.contentLength >= 0) {
    head.body = "length";
  } else {
    head.body = "until-close";
    head.keepAlive = false;
  }
}

const hopByHop = new Uint8Array(32);
for (const id of [
  fieldId.connection,
  fieldId.contentLength,
  fieldId.transferEncoding,
  fieldId.keepAlive,
  fieldId.proxyConnection,
  fieldId.te,
  fieldId.trailer,
  fieldId.upgrade,
  fieldId.dropped,
  fieldId.internal,
]) {
  hopByHop[id] = 1;
}

/** Runs of lines as they came, cut where one must not be passed on. */
function forwardableLines(head: ResponseHead, named: ReadonlySet<string> | null): string {
  const { lines, text } = head;
  const linesEnd = head.lineCount * lineStride;
  let out = "";
  let from = lines[0] as number;
  for (let at = 0; at < linesEnd; at += lineStride) {
    const dropped =
      hopByHop[lines[at + 4] as number] === 1 ||
      named?.has(lineName(head, at / lineStride).toLowerCase()) === true;
    if (!dropped) continue;
    const start = lines[at] as number;
    if (start > from) out += text.slice(from, start);
    from = lines[at + lineStride] as number;
  }
  return out + text.slice(from, lines[linesEnd]);
}

function explainResponse(text: string, start: number, end: number, form: RegExp): string {
  const lineEnd = text.indexOf("\r\n", start);
  const line = text.slice(start, lineEnd < 0 ? end : lineEnd);
  if (lineEnd < 0 || !form.test(line) || /[^\t\x20-\x7e\x80-\xff]/.test(line)) {
    return "the status line is malformed";
  }
  return explainLines(text, lineEnd + 2, end);
}

function refuse(head: ResponseHead, problem: string): number {
  head.problem = problem;
  head.keepAlive = false;
  return 502;
}
