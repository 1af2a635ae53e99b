/**
 * A request head, from text to record. Strict: what two programs could read in two ways is refused,
 * and the connection with it.
 *
 * | in the request                                                    | decision                      |
 * | ----------------------------------------------------------------- | ----------------------------- |
 * | Content-Length and Transfer-Encoding                              | 400 (RFC 9112 §6.3 allows it) |
 * | two Content-Length, also equal ones and "3, 3"                    | 400                           |
 * | Content-Length that is not digits; of more than 15 significant digits | 400; 413                      |
 * | Transfer-Encoding in HTTP/1.0                                     | 400                           |
 * | an unknown coding, alone or before chunked                        | 501                           |
 * | chunked not last, twice, with parameters; an empty coding         | 400                           |
 * | Transfer-Encoding with any method                                 | accepted                      |
 * | white space before the colon, obs-fold, control characters, NUL   | 400                           |
 * | a bare CR or LF                                                   | 400 (RFC 9112 §2.2 lets LF pass; two parsers need not agree on it) |
 * | one empty line before the request line                            | ignored                       |
 * | Host missing (1.1), twice, invalid                                | 400                           |
 * | an absolute target                                                | its authority is the Host; the Host line must still be valid |
 * | "#" in the target, other schemes, userinfo                        | 400                           |
 * | "*"                                                               | OPTIONS only, else 400        |
 * | CONNECT, TRACE                                                    | 405                           |
 * | any other method that is a token                                  | accepted                      |
 * | a target of more than 8192 bytes                                  | 414                           |
 * | too many header bytes, lines                                      | 431                           |
 * | HTTP/1.2 to 1.9; another major version                            | as 1.1; 505                   |
 * | Expect: 100-continue                                              | `expectContinue`; ignored in 1.0 and without a body |
 * | any other Expect                                                  | 417                           |
 * | Connection with more than 64 options, 8 transfer codings or more  | 400                           |
 * | Upgrade named by Connection                                       | `upgrade` (1.1 only); never forwarded unless the caller does |
 *
 * The path is decided in `path.ts`, which lines are forwarded in `forward-rules.ts`.
 */
import { connectionBit, namedFields, readConnection, staysOpen } from "./connection.ts";
import { badLength, readLength } from "./content-length.ts";
import { explainRequestHead } from "./explain-head.ts";
import { isRequestHead, isRequestLine } from "./grammar.ts";
import { lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import { authorityOf } from "./known-hosts.ts";
import { type HeadLimits, maxTargetBytes, type RequestHead } from "./request-head.ts";
import { splitLines } from "./split-lines.ts";
import { readTarget } from "./target.ts";

/**
 * A head that is not all there yet: its request line is judged as soon as it is, so that whoever speaks
 * something else is told at once.
 *
 * @returns undefined while nothing is wrong
 */
export function findLineProblem(
  text: string,
  start: number,
): { readonly status: number; readonly problem: string } | undefined {
  const from = text.startsWith("\r\n", start) ? start + 2 : start;
  const end = text.indexOf("\r\n", from) + 2;
  if (end < 2 || isRequestLine(text, from, end)) return undefined;
  return explainRequestHead(text, from, end);
}

/**
 * Parses text[start, end), a head as `findHeadEnd` delimits it.
 *
 * @returns 0, or the status to refuse it with (the connection is then closed); `head.problem` says why
 */
export function parseRequestHead(
  text: string,
  start: number,
  end: number,
  limits: HeadLimits,
  head: RequestHead,
): number {
  head.text = text;
  head.problem = "";
  head.lineCount = 0;
  const from = text.charCodeAt(start) === 13 ? start + 2 : start;
  if (!isRequestHead(text, start, end)) {
    const { status, problem } = explainRequestHead(text, from, end);
    return refuse(head, status, problem);
  }
  const methodEnd = text.indexOf(" ", from);
  const targetEnd = text.indexOf(" ", methodEnd + 1);
  // The usual one is the same string each time: comparing it, or finding it in a set, costs nothing.
  const method = text.startsWith("GET ", from) ? "GET" : text.slice(from, methodEnd);
  head.method = method;
  head.minor = text.charCodeAt(targetEnd + 8) === 48 ? 0 : 1;
  head.received = head.minor === 0 ? "1.0" : "1.1";
  if (method === "CONNECT" || method === "TRACE") return refuse(head, 405, `${method} is refused`);
  if (targetEnd - methodEnd > maxTargetBytes + 1)
    return refuse(head, 414, "the target is too long");
  head.target = text.slice(methodEnd + 1, targetEnd);
  head.host = "";
  head.port = 0;
  head.authority = "";
  head.hostIsPlain = false;
  head.start = from;
  const problem = readTarget(head);
  if (problem !== "") return refuse(head, 400, problem);
  head.lineIsPlain &&= text.charCodeAt(targetEnd + 8) === 49;
  if (!splitLines(head, targetEnd + 11, end - 2, limits.headerCount)) {
    return refuse(head, 431, "too many header lines");
  }
  return readFields(head);
}

function readFields(head: RequestHead): number {
  const { lines, text } = head;
  const absolute = head.host !== "";
  let hosts = 0;
  let connection = 0;
  let coding: string | undefined;
  let upgrade = "";
  let expect = false;
  head.contentLength = -1;
  const linesEnd = head.lineCount * lineStride;
  for (let at = 0; at < linesEnd; at += lineStride) {
    const id = lines[at + 4] as number;
    if (id === fieldId.other || id > fieldId.upgrade) continue;
    const value = text.slice(lines[at + 2], lines[at + 3]);
    let status = 0;
    switch (id) {
      case fieldId.host:
        status =
          ++hosts > 1 ? refuse(head, 400, "more than one Host") : readHost(head, value, absolute);
        break;
      case fieldId.connection:
        connection |= readConnection(value);
        if (connection < 0) return refuse(head, 400, "Connection lists too many options");
        break;
      case fieldId.contentLength:
        status = readContentLength(head, lines[at + 2] as number, lines[at + 3] as number);
        break;
      case fieldId.transferEncoding:
        coding = coding === undefined ? value : `${coding},${value}`;
        break;
      case fieldId.expect:
        expect = value.toLowerCase() === "100-continue";
        if (!expect) status = refuse(head, 417, "only 100-continue can be expected");
        break;
      default:
        upgrade = value.toLowerCase();
    }
    if (status !== 0) return status;
  }
  if (hosts === 0 && head.minor === 1) return refuse(head, 400, "no Host");
  head.chunked = coding !== undefined;
  if (coding !== undefined) {
    const status = checkCoding(head, coding);
    if (status !== 0) return status;
  }
  head.keepAlive = staysOpen(connection, head.minor);
  head.named = (connection & connectionBit.namesFields) === 0 ? null : namedFields(head);
  const upgrades = head.minor === 1 && (connection & connectionBit.upgrade) !== 0;
  head.upgrade = upgrades ? upgrade : "";
  head.expectContinue = expect && head.minor === 1 && (head.chunked || head.contentLength > 0);
  return 0;
}

function readHost(head: RequestHead, value: string, absolute: boolean): number {
  const authority = authorityOf(value);
  if (authority === undefined) return refuse(head, 400, "the Host is invalid");
  if (absolute) return 0; // RFC 9112 §3.2.2: the target's own wins
  head.host = authority.host;
  head.port = authority.port;
  head.authority = authority.text;
  head.hostIsPlain = authority.text === value;
  return 0;
}

function readContentLength(head: RequestHead, start: number, end: number): number {
  if (head.contentLength >= 0) return refuse(head, 400, "more than one Content-Length");
  const length = readLength(head.text, start, end);
  if (length === badLength.notANumber) return refuse(head, 400, "Content-Length is not a number");
  if (length === badLength.tooLong) return refuse(head, 413, "Content-Length is beyond all bounds");
  head.contentLength = length;
  return 0;
}

/** RFC 9112 §6.1, §6.3: chunked alone, in HTTP/1.1, without Content-Length. */
function checkCoding(head: RequestHead, coding: string): number {
  if (head.contentLength >= 0) {
    return refuse(head, 400, "both Content-Length and Transfer-Encoding");
  }
  if (head.minor === 0) return refuse(head, 400, "Transfer-Encoding in HTTP/1.0");
  if (coding.toLowerCase() === "chunked") return 0;
  const codings = coding.toLowerCase().split(",", 8);
  const chunks = codings.filter((part) => /^[\t ]*chunked[\t ]*(?:;.*)?$/.test(part)).length;
  const last = codings[codings.length - 1]?.trim();
  if (codings.length === 8) return refuse(head, 400, "too many transfer codings");
  if (codings.some((part) => part.trim() === ""))
    return refuse(head, 400, "an empty transfer coding");
  if (chunks > 1 || (chunks === 1 && last !== "chunked")) {
    return refuse(head, 400, "chunked is not the last transfer coding, once and alone");
  }
  return refuse(head, 501, "a transfer coding other than chunked");
}

function refuse(head: RequestHead, status: number, problem: string): number {
  head.problem = problem;
  head.keepAlive = false;
  return status;
}
