/**
 * A request head, from text to record, strictly: what two programs could read in two ways is
 * refused. The table of decisions stands in `decisions.md` beside this file.
 */
import { isToken } from "./characters.ts";
import { type ConnectionOptions, readConnection } from "./connection.ts";
import { lineField, lineValue } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import { type Authority, parseAuthority } from "./host.ts";
import { normalisePath } from "./path.ts";
import { type HeadLimits, maxTargetBytes, type RequestHead } from "./request-head.ts";
import { scanLines, tooManyLines } from "./scan-lines.ts";

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
  head.problem = "";
  head.text = text;
  head.lineCount = 0;
  // RFC 9112 §2.2: one empty line before the request line is ignored.
  const from = text.startsWith("\r\n", start) ? start + 2 : start;
  const lineEnd = text.indexOf("\r\n", from);
  const status = parseRequestLine(text, from, lineEnd, head);
  if (status !== 0) return status;
  const problem = scanLines(head, lineEnd + 2, end - 2, limits.headerCount);
  if (problem !== "") return refuse(head, problem === tooManyLines ? 431 : 400, problem);
  return readFields(head);
}

function parseRequestLine(text: string, start: number, end: number, head: RequestHead): number {
  const methodEnd = text.indexOf(" ", start);
  if (methodEnd < 0 || methodEnd >= end || !isToken(text, start, methodEnd)) {
    return refuse(head, 400, "the request line does not start with a method");
  }
  head.method = text.slice(start, methodEnd);
  const targetEnd = text.indexOf(" ", methodEnd + 1);
  if (targetEnd < 0 || targetEnd >= end) {
    return refuse(head, 400, "the request line has no version");
  }
  const version = text.slice(targetEnd + 1, end);
  if (!/^HTTP\/\d\.\d$/.test(version)) return refuse(head, 400, "the version is malformed");
  if (version.charCodeAt(5) !== 49) return refuse(head, 505, "only HTTP/1.x is spoken here");
  head.minor = version.charCodeAt(7) === 48 ? 0 : 1;
  if (head.method === "CONNECT" || head.method === "TRACE") {
    return refuse(head, 405, `${head.method} is refused`);
  }
  if (targetEnd - methodEnd - 1 > maxTargetBytes)
    return refuse(head, 414, "the target is too long");
  head.target = text.slice(methodEnd + 1, targetEnd);
  return readTarget(head);
}

const authority: Authority = { host: "", port: 0 };

function readTarget(head: RequestHead): number {
  const target = head.target;
  head.host = "";
  head.port = 0;
  let origin = target;
  if (target.charCodeAt(0) !== 47) {
    if (target === "*") {
      if (head.method !== "OPTIONS") return refuse(head, 400, 'the target "*" is for OPTIONS');
      head.path = "*";
      head.query = "";
      head.hasQuery = false;
      return 0;
    }
    const scheme = /^https?:\/\//i.exec(target);
    if (scheme === null) return refuse(head, 400, "the target is neither a path nor a URL");
    const from = scheme[0].length;
    const rest = target.slice(from).search(/[/?]/);
    const until = rest < 0 ? target.length : from + rest;
    if (!parseAuthority(target.slice(from, until), authority)) {
      return refuse(head, 400, "the target's host is invalid");
    }
    head.host = authority.host;
    head.port = authority.port;
    origin = target.slice(until);
    if (origin === "" && head.method === "OPTIONS") {
      head.path = "*"; // RFC 9112 §3.2.4
      head.query = "";
      head.hasQuery = false;
      return 0;
    }
    if (origin.charCodeAt(0) !== 47) origin = `/${origin}`;
  }
  if (!/^[!-"$-~\x80-\xff]*$/.test(origin)) {
    return refuse(head, 400, "the target has a character that must be encoded");
  }
  const question = origin.indexOf("?");
  head.hasQuery = question >= 0;
  head.query = question < 0 ? "" : origin.slice(question + 1);
  head.path = normalisePath(question < 0 ? origin : origin.slice(0, question));
  if (head.path === "") return refuse(head, 400, "the path is malformed or leaves the root");
  return 0;
}

function readFields(head: RequestHead): number {
  const connection: ConnectionOptions = {
    close: false,
    keepAlive: false,
    upgrade: false,
    namesFields: false,
  };
  let hosts = 0;
  let coding = "";
  let upgrade = "";
  let expect = false;
  head.contentLength = -1;
  head.chunked = false;
  head.upgrade = "";
  head.expectContinue = false;
  const absolute = head.host !== "";
  for (let index = 0; index < head.lineCount; index++) {
    switch (lineField(head, index)) {
      case fieldId.host:
        if (++hosts > 1) return refuse(head, 400, "more than one Host");
        if (!parseAuthority(lineValue(head, index), authority)) {
          return refuse(head, 400, "the Host is invalid");
        }
        if (!absolute) {
          head.host = authority.host;
          head.port = authority.port;
        }
        break;
      case fieldId.contentLength: {
        if (head.contentLength >= 0) return refuse(head, 400, "more than one Content-Length");
        const value = lineValue(head, index);
        if (!/^\d+$/.test(value)) return refuse(head, 400, "Content-Length is not a number");
        if (value.length > 15) return refuse(head, 413, "Content-Length is beyond all bounds");
        head.contentLength = Number(value);
        break;
      }
      case fieldId.transferEncoding:
        coding = coding === "" ? lineValue(head, index) : `${coding},${lineValue(head, index)}`;
        head.chunked = true;
        break;
      case fieldId.connection:
        readConnection(lineValue(head, index), connection);
        break;
      case fieldId.upgrade:
        upgrade = lineValue(head, index).toLowerCase();
        break;
      case fieldId.expect:
        if (lineValue(head, index).toLowerCase() !== "100-continue") {
          return refuse(head, 417, "only 100-continue can be expected");
        }
        expect = true;
        break;
      default:
    }
  }
  if (hosts === 0 && head.minor === 1) return refuse(head, 400, "no Host");
  head.authority = head.port === 0 ? head.host : `${head.host}:${head.port}`;
  if (head.chunked) {
    const status = checkCoding(head, coding);
    if (status !== 0) return status;
  }
  head.keepAlive = head.minor === 1 ? !connection.close : connection.keepAlive && !connection.close;
  head.namesFields = connection.namesFields;
  if (connection.upgrade) head.upgrade = upgrade;
  head.expectContinue = expect && head.minor === 1 && (head.chunked || head.contentLength > 0);
  return 0;
}

/** RFC 9112 §6.1, §6.3: chunked alone, in HTTP/1.1, without Content-Length. */
function checkCoding(head: RequestHead, coding: string): number {
  if (head.contentLength >= 0) {
    return refuse(head, 400, "both Content-Length and Transfer-Encoding");
  }
  if (head.minor === 0) return refuse(head, 400, "Transfer-Encoding in HTTP/1.0");
  const codings = coding.split(",").map((part) => part.trim().toLowerCase());
  if (codings.length === 1 && codings[0] === "chunked") return 0;
  if (codings.includes("") || codings.indexOf("chunked") !== codings.length - 1) {
    if (codings.includes("chunked") || codings.includes("")) {
      return refuse(head, 400, "chunked is not the last transfer coding, once");
    }
  }
  return refuse(head, 501, "a transfer coding other than chunked");
}

function refuse(head: RequestHead, status: number, problem: string): number {
  head.problem = problem;
  head.keepAlive = false;
  return status;
}
