/** The CGI block a worker gets (`worker/frames.ts` lists its keys), by the same header rules. */
import {
  clientScheme,
  type ForwardOptions,
  forwardedFor,
  isDropped,
  viaName,
} from "./forward-rules.ts";
import { lineField, lineName, lineValue } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import { decodePath } from "./path.ts";
import type { RequestHead } from "./request-head.ts";

/** latin-1 `KEY\0VALUE\0KEY\0VALUE`, no trailing NUL. */
export function formatCgiBlock(head: RequestHead, options: ForwardOptions): string {
  const prefix = options.stripPrefix === "/" || head.path === "*" ? "" : options.stripPrefix;
  const scheme = clientScheme(head, options);
  const host = head.authority === "" ? options.serverName : head.authority;
  let out =
    `REQUEST_METHOD\0${head.method}\0SCRIPT_NAME\0${decodePath(prefix)}` +
    `\0PATH_INFO\0${decodePath(prefix === "" ? head.path : head.path.slice(prefix.length))}` +
    `\0QUERY_STRING\0${head.query}\0REQUEST_URI\0${head.target}` +
    `\0SERVER_NAME\0${head.host === "" ? options.serverName : head.host}` +
    `\0SERVER_PORT\0${options.serverPort}\0SERVER_PROTOCOL\0HTTP/1.${head.minor}` +
    `\0REMOTE_ADDR\0${options.clientAddress}\0REMOTE_PORT\0${options.peerPort}` +
    `\0wsgi.url_scheme\0${scheme}\0HTTP_HOST\0${host}`;
  if (head.contentLength >= 0) out += `\0CONTENT_LENGTH\0${head.contentLength}`;
  let proto = scheme as string;
  let forwardedHost = host;
  let via = "";
  const seen = new Map<string, string>();
  for (let index = 0; index < head.lineCount; index++) {
    if (isDropped(head, index, options.trusted)) continue;
    const value = lineValue(head, index);
    switch (lineField(head, index)) {
      case fieldId.forwardedProto:
        proto = value;
        break;
      case fieldId.forwardedHost:
        forwardedHost = value;
        break;
      case fieldId.via:
        via = `${via}${value}, `;
        break;
      case fieldId.contentType:
        out += `\0CONTENT_TYPE\0${value}`;
        break;
      default: {
        const key = cgiKey(lineName(head, index));
        const before = seen.get(key);
        const joint = key === "HTTP_COOKIE" ? "; " : ",";
        seen.set(key, before === undefined ? value : `${before}${joint}${value}`);
      }
    }
  }
  for (const [key, value] of seen) out += `\0${key}\0${value}`;
  return (
    `${out}\0HTTP_X_FORWARDED_FOR\0${forwardedFor(head, options)}` +
    `\0HTTP_X_REAL_IP\0${options.clientAddress}\0HTTP_X_FORWARDED_PROTO\0${proto}` +
    `\0HTTP_X_FORWARDED_HOST\0${forwardedHost}\0HTTP_VIA\0${via}1.${head.minor} ${viaName}`
  );
}

function cgiKey(name: string): string {
  return `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
}
