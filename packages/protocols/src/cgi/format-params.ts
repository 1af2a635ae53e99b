/**
 * The CGI variables an upstream of FastCGI, uwsgi or SCGI gets: those of RFC 3875 §4.1 with the ones
 * that nginx's `fastcgi_params`, `uwsgi_params` and `scgi_params` made usual. Header lines pass by
 * the rules of `http/forward-rules.ts`, as everywhere; HTTP_PROXY never does.
 */
import { version } from "@stack/base";
import { formatCgiHeaders } from "../http/format-cgi.ts";
import { forwardedTarget } from "../http/format-forward.ts";
import { clientScheme, type ForwardOptions, viaName } from "../http/forward-rules.ts";
import { decodePath } from "../http/path.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { CgiBlock } from "../worker/frames.ts";
import type { ScriptPath } from "./script-path.ts";

export interface CgiParams {
  /** `splitScriptPath` of `scriptLookupPath`; undefined for an application that is no file. */
  readonly script: ScriptPath | undefined;
  /** The folder of the scripts, without "/" at its end, as latin-1 text of its bytes; "" for none. */
  readonly documentRoot: string;
  /** Variables of the operator, as latin-1 text of their bytes; they win over ours. */
  readonly extra: readonly (readonly [name: string, value: string])[];
}

/** For an application that is no file: the whole path is PATH_INFO. */
export const noScript: CgiParams = { script: undefined, documentRoot: "", extra: [] };

/** What `splitScriptPath` asks for: the normalised path with `stripPrefix` taken off. */
export function scriptLookupPath(head: RequestHead, stripPrefix: string): string {
  const path = head.path.slice(prefixOf(head, stripPrefix).length);
  return path.startsWith("/") ? path : `/${path}`;
}

/**
 * latin-1 `KEY\0VALUE\0KEY\0VALUE`, ready for `encodeFastcgiRequest`, `encodeUwsgiRequest`,
 * `encodeScgiRequest`. CONTENT_LENGTH is `options.framing`: these protocols know no chunks, so a
 * body of unknown length has to be collected first.
 */
export function formatCgiParams(
  head: RequestHead,
  options: ForwardOptions,
  params: CgiParams,
): CgiBlock {
  const { documentRoot, script } = params;
  const prefix = decodePath(prefixOf(head, options.stripPrefix));
  const pathInfo =
    script === undefined ? decodePath(head.path).slice(prefix.length) : script.pathInfo;
  const scriptName = script === undefined ? prefix : prefix + script.scriptName;
  const scheme = clientScheme(head, options);
  let out = `REQUEST_METHOD\0${head.method}\0QUERY_STRING\0${head.query}`;
  // In the form that was matched: many a PHP application routes by it.
  const target = head.lineIsPlain ? head.target : forwardedTarget(head, "");
  out += `\0REQUEST_URI\0${target}\0SCRIPT_NAME\0${scriptName}\0PATH_INFO\0${pathInfo}`;
  out += `\0DOCUMENT_URI\0${scriptName}${pathInfo}\0DOCUMENT_ROOT\0${documentRoot}`;
  if (script !== undefined) out += `\0SCRIPT_FILENAME\0${documentRoot}${script.scriptName}`;
  if (options.framing >= 0) out += `\0CONTENT_LENGTH\0${options.framing}`;
  out += `\0SERVER_PROTOCOL\0HTTP/1.${head.minor}\0SERVER_SOFTWARE\0${viaName}/${version}`;
  out += `\0SERVER_NAME\0${head.host === "" ? options.serverName : head.host}`;
  out += `\0SERVER_PORT\0${options.serverPort}\0GATEWAY_INTERFACE\0CGI/1.1`;
  out += `\0REDIRECT_STATUS\x00200\0REQUEST_SCHEME\0${scheme}`;
  if (scheme === "https") out += "\0HTTPS\0on";
  // Every other key is in capitals, and no value holds a NUL: this finds the one that is WSGI's alone.
  out += formatCgiHeaders(head, options).replace(`\0wsgi.url_scheme\0${scheme}`, "");
  return params.extra.length === 0 ? out : withExtra(out, params.extra);
}

function prefixOf(head: RequestHead, stripPrefix: string): string {
  return stripPrefix === "/" || head.path === "*" ? "" : stripPrefix;
}

/** Each name once: of two equal ones every server takes another. */
function withExtra(block: CgiBlock, extra: CgiParams["extra"]): CgiBlock {
  const parts = block.split("\0");
  const variables = new Map<string, string>();
  for (let index = 0; index < parts.length; index += 2) {
    variables.set(parts[index] ?? "", parts[index + 1] ?? "");
  }
  for (const [name, value] of extra) {
    if (name !== "HTTP_PROXY" && !/\0/.test(name + value)) variables.set(name, value);
  }
  return [...variables].flat().join("\0");
}
