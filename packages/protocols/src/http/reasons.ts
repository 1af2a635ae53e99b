/**
 * Status lines, with the reason phrases of the statuses we send ourselves or may have to name
 * (RFC 9110 §15, RFC 6585).
 */
import { flatCopy } from "./flat.ts";

const reasons: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** The usual phrase of a status; "" for one without. */
export function reasonOf(status: number): string {
  return reasons[status] ?? "";
}

/** What a client that waits with its body is told (RFC 9110 §10.1.1). */
export const continueResponse = "HTTP/1.1 100 Continue\r\n\r\n";

const usualLines = new Map(
  Object.entries(reasons).map(([status, reason]) => [
    Number(status),
    flatCopy(`HTTP/1.1 ${status} ${reason}\r\n`),
  ]),
);

/**
 * A status line with its CRLF (RFC 9112 §4).
 *
 * @param reason as an app or upstream gave it; "" for the usual one
 */
export function statusLine(status: number, reason: string): string {
  const usual = reasons[status];
  if (usual !== undefined && (reason === "" || reason === usual)) {
    return usualLines.get(status) as string;
  }
  return `HTTP/1.1 ${status} ${reason}\r\n`;
}
