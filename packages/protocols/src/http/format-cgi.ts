/** The CGI block a worker gets (`worker/frames.ts` lists its keys), by the rules of `forward-rules.ts`. */
import { boundCgiNames, cgiKeyOf, cgiNameOf } from "./cgi-names.ts";
import {
  clientKeys,
  type ForwardOptions,
  isDropped,
  joinedValues,
  receivedHost,
  viaName,
} from "./forward-rules.ts";
import { lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import { decodePath } from "./path.ts";
import type { RequestHead } from "./request-head.ts";

/** latin-1 `KEY\0VALUE\0KEY\0VALUE`, no trailing NUL; ready for `encodeRequest`. */
export function formatCgiBlock(head: RequestHead, options: ForwardOptions): string {
  return requestKeys(head, options) + formatCgiHeaders(head, options);
}

/**
 * What the block says of the header lines and the client: CONTENT_TYPE, HTTP_*, REMOTE_ADDR,
 * REMOTE_PORT, `wsgi.url_scheme`. Begins with NUL, to be put after other keys.
 */
export function formatCgiHeaders(head: RequestHead, options: ForwardOptions): string {
  const host = receivedHost(head, options);
  let out = headerKeys(head, options);
  out += clientKeys(head, options, host);
  return out + viaKey(head);
}

function requestKeys(head: RequestHead, options: ForwardOptions): string {
  const { path } = head;
  const prefix = options.stripPrefix === "/" || path === "*" ? "" : options.stripPrefix;
  let out = `REQUEST_METHOD\0${head.method}\0SCRIPT_NAME\0`;
  if (prefix !== "") out += decodePath(prefix);
  out += `\0PATH_INFO\0${decodePath(prefix === "" ? path : path.slice(prefix.length))}`;
  out += `\0QUERY_STRING\0${head.query}\0REQUEST_URI\0${head.target}`;
  out += `\0SERVER_NAME\0${head.host === "" ? options.serverName : head.host}`;
  out += `\0SERVER_PORT\0${options.serverPort}`;
  out += head.minor === 1 ? "\0SERVER_PROTOCOL\0HTTP/1.1" : "\0SERVER_PROTOCOL\0HTTP/1.0";
  if (head.contentLength >= 0) out += `\0CONTENT_LENGTH\0${head.contentLength}`;
  return out;
}

/** Counts blocks, so that a name can tell whether it was used in this one. */
let block = 0;

function headerKeys(head: RequestHead, options: ForwardOptions): string {
  const { lines, text } = head;
  const linesEnd = head.lineCount * lineStride;
  boundCgiNames();
  block++;
  let out = "";
  let typed = false;
  for (let at = 0; at < linesEnd; at += lineStride) {
    if (isDropped(head, at, options.trusted) || isClientField(lines[at + 4])) continue;
    const value = text.slice(lines[at + 2], lines[at + 3]);
    if (lines[at + 4] === fieldId.contentType) {
      if (!typed) out += `\0CONTENT_TYPE\0${value}`; // a second one is not an app's to judge
      typed = true;
      continue;
    }
    const name = cgiNameOf(text.slice(lines[at], lines[at + 1]));
    if (name === undefined || name.usedIn === block) return joinedHeaderKeys(head, options);
    name.usedIn = block;
    out += name.prefix;
    out += value;
  }
  return out;
}

/** The same where a name comes more than once: RFC 3875 §4.1.18, RFC 9113 §8.2.3 for Cookie. */
function joinedHeaderKeys(head: RequestHead, options: ForwardOptions): string {
  const { lines, text } = head;
  const linesEnd = head.lineCount * lineStride;
  const values = new Map<string, string>();
  for (let at = 0; at < linesEnd; at += lineStride) {
    const id = lines[at + 4];
    if (isDropped(head, at, options.trusted) || isClientField(id)) continue;
    const value = text.slice(lines[at + 2], lines[at + 3]);
    const isType = id === fieldId.contentType;
    const key = isType ? "CONTENT_TYPE" : cgiKeyOf(text.slice(lines[at], lines[at + 1]));
    const before = values.get(key);
    if (before === undefined) values.set(key, value);
    else if (!isType) values.set(key, before + (id === fieldId.cookie ? "; " : ",") + value);
  }
  let out = "";
  for (const [key, value] of values) out += `\0${key}\0${value}`;
  return out;
}

/** Fields that `clientKeys` and `viaKey` write. */
function isClientField(id: number | undefined): boolean {
  return (
    id === fieldId.via ||
    id === fieldId.forwardedProto ||
    id === fieldId.forwardedHost ||
    id === fieldId.forwarded
  );
}

function viaKey(head: RequestHead): string {
  const via = joinedValues(head, fieldId.via);
  return `\0HTTP_VIA\0${via === "" ? "" : `${via}, `}${head.received} ${viaName}`;
}
