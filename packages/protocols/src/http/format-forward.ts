/** The HTTP/1.1 request that an upstream gets: one Host, one framing, nothing a client may not say. */
import {
  clientScheme,
  type ForwardOptions,
  forwardedFor,
  isDropped,
  viaName,
} from "./forward-rules.ts";
import { chunkedBody } from "./framing.ts";
import { lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import type { RequestHead } from "./request-head.ts";

/** The whole head, as latin-1 text, ending in the empty line. */
export function formatForwardedRequest(head: RequestHead, options: ForwardOptions): string {
  const { text, lines, lineCount } = head;
  const host = head.authority === "" ? hostOf(options) : head.authority;
  let out = `${head.method} ${forwardedTarget(head, options.stripPrefix)} HTTP/1.1\r\nHost: ${host}\r\n`;
  let runStart = -1;
  let runEnd = -1;
  let proto = false;
  let forwardedHost = false;
  for (let index = 0; index < lineCount; index++) {
    const at = index * lineStride;
    const nameStart = lines[at] as number;
    if (isDropped(head, index, options.trusted)) {
      if (runStart >= 0) out += text.slice(runStart, nameStart);
      runStart = -1;
      continue;
    }
    const id = lines[at + 4];
    if (id === fieldId.forwardedProto) proto = true;
    else if (id === fieldId.forwardedHost) forwardedHost = true;
    if (runStart < 0) runStart = nameStart;
    runEnd = text.indexOf("\r\n", lines[at + 3]) + 2;
  }
  if (runStart >= 0) out += text.slice(runStart, runEnd);
  out += `X-Forwarded-For: ${forwardedFor(head, options)}\r\nX-Real-IP: ${options.clientAddress}\r\n`;
  if (!proto) out += `X-Forwarded-Proto: ${clientScheme(head, options)}\r\n`;
  if (!forwardedHost) out += `X-Forwarded-Host: ${host}\r\n`;
  out += `Via: 1.${head.minor} ${viaName}\r\n`;
  if (options.framing >= 0) return `${out}Content-Length: ${options.framing}\r\n\r\n`;
  return options.framing === chunkedBody
    ? `${out}Transfer-Encoding: chunked\r\n\r\n`
    : `${out}\r\n`;
}

/** Path and query as they are sent on, in origin-form, with `stripPrefix` taken off. */
export function forwardedTarget(head: RequestHead, stripPrefix: string): string {
  let path = head.path;
  if (stripPrefix !== "" && stripPrefix !== "/" && path !== "*") {
    path = path.slice(stripPrefix.length);
    if (path === "") path = "/";
  }
  return head.hasQuery ? `${path}?${head.query}` : path;
}

function hostOf(options: ForwardOptions): string {
  return options.serverPort === 80
    ? options.serverName
    : `${options.serverName}:${options.serverPort}`;
}
