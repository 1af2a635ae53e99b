/**
 * The head of an answer of a FastCGI, SCGI or uwsgi server (RFC 3875 §6), into the record that
 * `parseResponseHead` fills and by its rules.
 *
 * | in the answer                                  | decision                                      |
 * | ---------------------------------------------- | --------------------------------------------- |
 * | `Status: 404 Not Found`, `Status: 404`         | that status; the usual reason where none is given |
 * | no Status                                      | 200; with Location 302, as nginx has it, also where the path is local (§6.2.2 would have us ask ourselves) |
 * | two Status lines, a malformed one, 1xx         | 502                                           |
 * | `HTTP/1.1 200 OK` first (§5 NPH, uWSGI)        | as an HTTP answer, 1xx included               |
 * | lines that end in LF                           | as CRLF                                       |
 * | an empty head                                  | 502 (§6.3: at least one CGI field)            |
 * | a folded line, a control character, a bare CR  | 502                                           |
 * | Content-Length                                 | honoured: less is cut off, more is dropped by the caller |
 * | Transfer-Encoding without `HTTP/1.1` first     | ignored: the server's framing delimits        |
 */

import { parseResponseHead, parseWorkerHead } from "../http/parse-response.ts";
import { reasonOf } from "../http/reasons.ts";
import type { HeadLimits } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";

/**
 * Parses text[start, end), a head as `findCgiHeadEnd` delimits it. `head.keepAlive` is false: whether
 * the connection can be used again is for the protocol around the answer to say.
 *
 * @returns 0, or 502 when it must not be passed on; `head.problem` says why
 */
export function parseCgiResponse(
  text: string,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
  head: ResponseHead,
): number {
  const lines = text.slice(start, end).replace(/\r?\n/g, "\r\n");
  const result = lines.startsWith("HTTP/")
    ? parseResponseHead(lines, 0, lines.length, limits, requestMethod, head)
    : parseDocument(lines, limits, requestMethod, head);
  head.keepAlive = false;
  return result;
}

function parseDocument(
  lines: string,
  limits: HeadLimits,
  requestMethod: string,
  head: ResponseHead,
): number {
  if (lines === "\r\n") return refuse(head, "its head is empty");
  let status = "";
  let fields = "";
  let hasLocation = false;
  let from = 0;
  const linesEnd = lines.length - 2;
  while (from < linesEnd) {
    const next = lines.indexOf("\n", from) + 1;
    if (startsLine(lines, from, "status:")) {
      if (status !== "") return refuse(head, "more than one Status");
      status = trimBlanks(lines, from + 7, next - 2);
      if (!/^[2-5]\d\d(?: |$)/.test(status)) return refuse(head, "its Status is malformed");
    } else {
      hasLocation ||= startsLine(lines, from, "location:");
      fields += lines.slice(from, next);
    }
    from = next;
  }
  if (status === "") status = hasLocation ? "302 Found" : "200 OK";
  else if (status.length < 5) status = `${status.slice(0, 3)} ${reasonOf(Number(status))}`;
  return parseWorkerHead(`${status}\r\n${fields}`, limits, requestMethod, head);
}

function startsLine(lines: string, at: number, name: string): boolean {
  return lines.slice(at, at + name.length).toLowerCase() === name;
}

/** Without blanks around it; other white space (`trim`) is for the grammar to refuse. */
function trimBlanks(text: string, start: number, end: number): string {
  let from = start;
  let until = end;
  while (from < until && isBlank(text.charCodeAt(from))) from++;
  while (until > from && isBlank(text.charCodeAt(until - 1))) until--;
  return text.slice(from, until);
}

function isBlank(char: number): boolean {
  return char === 32 || char === 9;
}

function refuse(head: ResponseHead, problem: string): number {
  head.problem = problem;
  return 502;
}
