/** The HTTP/1.1 request that an upstream gets: one Host, one framing, nothing a client may not say. */
import { flatCopy } from "./flat.ts";
import {
  clientLines,
  type ForwardOptions,
  isDropped,
  receivedHost,
  viaName,
} from "./forward-rules.ts";
import { chunkedBody, contentLengthLine } from "./framing.ts";
import { lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import { encodeHighBytes } from "./path.ts";
import type { RequestHead } from "./request-head.ts";

/** The whole head, as latin-1 text, ending in the empty line. */
export function formatForwardedRequest(head: RequestHead, options: ForwardOptions): string {
  const host = receivedHost(head, options);
  let out = keptText(head, options, host);
  out += clientLines(head, options, host);
  // What SCRIPT_NAME says to others: without it links of the app lead out of where it is.
  if (options.stripPrefix !== "" && options.stripPrefix !== "/") {
    out += `X-Forwarded-Prefix: ${options.stripPrefix}\r\n`;
  }
  const { received } = head;
  const via = received === "1.1" ? via11 : `Via: ${received} ${viaName}\r\n\r\n`;
  if (options.framing >= 0) return `${out}${contentLengthLine(options.framing)}${via}`;
  return options.framing === chunkedBody ? `${out}Transfer-Encoding: chunked\r\n${via}` : out + via;
}

/** With the end of the head; of nearly all. */
const via11 = flatCopy(`Via: 1.1 ${viaName}\r\n\r\n`);

/** Path and query as they are sent on, in origin-form, with `stripPrefix` taken off. */
export function forwardedTarget(head: RequestHead, stripPrefix: string): string {
  let path = head.path;
  if (stripPrefix !== "" && stripPrefix !== "/" && path !== "*") {
    path = path.slice(stripPrefix.length);
    if (!path.startsWith("/")) path = `/${path}`;
  }
  return head.hasQuery ? `${path}?${encodeHighBytes(head.query)}` : path;
}

/** Request line, Host and the lines that are passed on: in runs as they came, cut where they may not. */
function keptText(head: RequestHead, options: ForwardOptions, host: string): string {
  const { lines, text } = head;
  const { stripPrefix, trusted } = options;
  const linesEnd = head.lineCount * lineStride;
  let out = "";
  let from = head.start;
  const keepsHost = head.hostIsPlain;
  if (!keepsHost || !head.lineIsPlain || (stripPrefix !== "" && stripPrefix !== "/")) {
    out = `${head.method} ${forwardedTarget(head, stripPrefix)} HTTP/1.1\r\n`;
    if (!keepsHost) out += `Host: ${host}\r\n`;
    from = lines[0] as number;
  }
  for (let at = 0; at < linesEnd; at += lineStride) {
    if (keepsHost && lines[at + 4] === fieldId.host) continue;
    if (!isDropped(head, at, trusted)) continue;
    const start = lines[at] as number;
    if (start > from) out += text.slice(from, start);
    from = lines[at + lineStride] as number;
  }
  const end = lines[linesEnd] as number;
  return end > from ? out + text.slice(from, end) : out;
}
