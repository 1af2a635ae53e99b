/**
 * The request in a CGI block that a web server sent us over uwsgi, SCGI or FastCGI, into the record
 * that `parseRequestHead` fills: it is written out as HTTP and parsed by the same code, so that every
 * rule for requests holds here too. That server is the one that spoke to the client: what it says of
 * the client's address and scheme is taken as said.
 *
 * | variable                                             | becomes                               |
 * | ---------------------------------------------------- | ------------------------------------- |
 * | REQUEST_METHOD; SCRIPT_NAME, PATH_INFO, QUERY_STRING, REQUEST_URI | the request line (`cgi-target.ts`) |
 * | HTTP_HOST, else SERVER_NAME and SERVER_PORT          | Host                                  |
 * | CONTENT_LENGTH; absent or empty                      | the only framing; no body             |
 * | CONTENT_TYPE, HTTP_*                                 | header lines, names in lower case     |
 * | HTTP_CONTENT_LENGTH, HTTP_TRANSFER_ENCODING, HTTP_UPGRADE, HTTP_EXPECT | dropped: that server's hop |
 * | REMOTE_ADDR, REMOTE_PORT, HTTPS, REQUEST_SCHEME, SERVER_NAME, SERVER_PORT | `CgiRequestFacts`  |
 * | any other of letters, digits and "_" (REMOTE_USER, DOCUMENT_ROOT, an operator's own) | `CgiRequestFacts.variables`, as it came |
 * | a control character in any of these                  | 400                                   |
 * | a name twice: HTTP_*                                 | two header lines                      |
 * | a name twice: REQUEST_METHOD, REQUEST_URI, HTTP_HOST, CONTENT_LENGTH, with two values | 400  |
 * | a name twice: any other                              | the last one: nginx sends both where a `…_param` repeats an included one |
 */
import { parseRequestHead } from "../http/parse-request.ts";
import type { HeadLimits, RequestHead } from "../http/request-head.ts";
import type { CgiBlock } from "../worker/frames.ts";
import { cgiTarget, encodePath } from "./cgi-target.ts";

/** What the block says besides the request, for `ForwardOptions`. */
export interface CgiRequestFacts {
  /** "" when it does not say. */
  remoteAddress: string;
  remotePort: number;
  scheme: "http" | "https";
  serverName: string;
  serverPort: number;
  /** Where the other server mounted us (SCRIPT_NAME beside a PATH_INFO), for `stripPrefix`; else "". */
  scriptName: string;
  /** SERVER_PROTOCOL as it came: nginx says "HTTP/2.0". */
  protocol: string;
  /**
   * What is not made of the request again, and what is to be said as that server said it, to be put
   * after the keys of a worker's block: `\0NAME\0VALUE…`, or "".
   */
  variables: string;
}

export function createCgiRequestFacts(): CgiRequestFacts {
  return {
    remoteAddress: "",
    remotePort: 0,
    scheme: "http",
    serverName: "",
    serverPort: 0,
    scriptName: "",
    protocol: "",
    variables: "",
  };
}

/**
 * Parses a block as the readers of the three protocols give it. `head.keepAlive` is false; FastCGI's
 * KEEP_CONN is its reader's to tell. A CONTENT_LENGTH announces the body that follows in the protocol.
 *
 * @returns 0, or the status to refuse it with; `head.problem` says why
 */
export function parseCgiRequest(
  block: CgiBlock,
  limits: HeadLimits,
  head: RequestHead,
  facts: CgiRequestFacts,
): number {
  head.problem = "";
  const variables = new Map<string, string>();
  const fields = readVariables(block, variables);
  if (fields === undefined) return refuse(head, 400, "a variable twice, or malformed");
  const { target, mount } = cgiTarget(variables);
  const text = formatAsHttp(variables, target, fields);
  if (text === "") return refuse(head, 400, "a variable with a character it must not have");
  if (text.length > limits.headerBytes) return refuse(head, 431, "the head is too long");
  const status = parseRequestHead(text, 0, text.length, limits, head);
  head.keepAlive = false;
  if (status === 0) readFacts(variables, mount, head, facts);
  return status;
}

/** Of the other server's hop, or written from another variable. */
const skipped: ReadonlySet<string> = new Set([
  "HTTP_HOST",
  "HTTP_CONTENT_LENGTH",
  "HTTP_CONTENT_TYPE",
  "HTTP_TRANSFER_ENCODING",
  "HTTP_UPGRADE",
  "HTTP_EXPECT",
]);

/** What must not be said in two ways: it decides where a request goes, and where it ends. */
const decisive: ReadonlySet<string> = new Set([
  "REQUEST_METHOD",
  "REQUEST_URI",
  "HTTP_HOST",
  "CONTENT_LENGTH",
]);

/** Fills `variables`; returns the header lines in HTTP_*, or undefined when the block is malformed. */
function readVariables(block: CgiBlock, variables: Map<string, string>): string | undefined {
  const parts = block.split("\0");
  if (parts.length % 2 !== 0) return undefined;
  let fields = "";
  for (let index = 0; index < parts.length; index += 2) {
    const name = parts[index] as string;
    const value = parts[index + 1] as string;
    if (decisive.has(name) && (variables.get(name) ?? value) !== value) return undefined;
    variables.set(name, value);
    if (!name.startsWith("HTTP_") || skipped.has(name)) continue;
    if (!/^[A-Z0-9_]+$/.test(name) || !isValue(value)) return undefined;
    fields += `${name.slice(5).toLowerCase().replaceAll("_", "-")}: ${value}\r\n`;
  }
  return fields;
}

/** "" when a variable would break out of its line. */
function formatAsHttp(
  variables: ReadonlyMap<string, string>,
  target: string,
  fields: string,
): string {
  const method = variables.get("REQUEST_METHOD") ?? "";
  const host = variables.get("HTTP_HOST") || hostOf(variables);
  const minor = variables.get("SERVER_PROTOCOL") === "HTTP/1.0" ? 0 : 1;
  if (!isWord(method) || !isWord(target) || !isValue(host)) return "";
  if (!isWord(variables.get("REQUEST_URI") || target)) return "";
  let text = `${method} ${target} HTTP/1.${minor}\r\n`;
  if (host !== "") text += `Host: ${host}\r\n`;
  const length = variables.get("CONTENT_LENGTH") ?? "";
  const type = variables.get("CONTENT_TYPE") ?? "";
  if (!isValue(length) || !isValue(type)) return "";
  if (length !== "") text += `Content-Length: ${length}\r\n`;
  if (type !== "") text += `Content-Type: ${type}\r\n`;
  return `${text}${fields}\r\n`;
}

function hostOf(variables: ReadonlyMap<string, string>): string {
  const name = variables.get("SERVER_NAME") ?? "";
  const port = variables.get("SERVER_PORT") ?? "";
  return name === "" || port === "" || port === "80" ? name : `${name}:${port}`;
}

function readFacts(
  variables: ReadonlyMap<string, string>,
  mount: string,
  head: RequestHead,
  facts: CgiRequestFacts,
): void {
  facts.remoteAddress = variables.get("REMOTE_ADDR") ?? "";
  facts.remotePort = portOf(variables.get("REMOTE_PORT"));
  const isHttps =
    /^(?:on|1|https)$/i.test(variables.get("HTTPS") ?? "") ||
    variables.get("REQUEST_SCHEME") === "https";
  facts.scheme = isHttps ? "https" : "http";
  facts.serverName = variables.get("SERVER_NAME") ?? "";
  facts.serverPort = portOf(variables.get("SERVER_PORT"));
  const mounted = encodePath(mount);
  const isPrefix = head.path === mounted || head.path.startsWith(`${mounted}/`);
  facts.scriptName = isPrefix ? mounted : "";
  facts.protocol = variables.get("SERVER_PROTOCOL") ?? "";
  facts.variables = keptVariables(variables);
}

/**
 * Made anew for the application, by what we know of the request. Of a request without a body nginx
 * says CONTENT_LENGTH and CONTENT_TYPE all the same, empty: an ASGI application would take them for headers.
 */
const madeAnew: ReadonlySet<string> = new Set([
  "REQUEST_METHOD",
  "SCRIPT_NAME",
  "PATH_INFO",
  "REMOTE_ADDR",
  "REMOTE_PORT",
  "CONTENT_TYPE",
  "CONTENT_LENGTH",
]);

function keptVariables(variables: ReadonlyMap<string, string>): string {
  let out = "";
  for (const [name, value] of variables) {
    // A name with a dot would be one of WSGI's own: "wsgi.input".
    if (madeAnew.has(name) || name.startsWith("HTTP_") || !/^[A-Za-z0-9_]+$/.test(name)) continue;
    out += `\0${name}\0${value}`;
  }
  return out;
}

function portOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : 0;
}

/** One word of a request line. */
function isWord(text: string): boolean {
  return /^[!-~\x80-\xff]+$/.test(text);
}

/** What a header line may have as its value; what else is wrong with it the parser sees. */
function isValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

function refuse(head: RequestHead, status: number, problem: string): number {
  head.problem = problem;
  return status;
}
