/**
 * Which header lines of a request reach an application, and what we say about the client in their
 * place. The same rules for both ways out, HTTP text and CGI block:
 *
 * | line                                                              | from anyone | from a trusted proxy |
 * | ----------------------------------------------------------------- | ----------- | -------------------- |
 * | Connection and what it names, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, HTTP2-Settings (RFC 9110 §7.6.1) | dropped | dropped |
 * | Host, Content-Length                                              | written anew | written anew        |
 * | Expect: answered by us; Proxy, Proxy-Authorization; names with "_" | dropped    | dropped              |
 * | X-Forwarded-For                                                   | replaced    | the peer is appended, if it has an address |
 * | X-Real-IP                                                         | replaced    | replaced, by the client found |
 * | X-Forwarded-Proto, X-Forwarded-Host                               | replaced    | kept, else added     |
 * | X-Forwarded-Prefix, where one is taken off                        | replaced    | ours is added        |
 * | Forwarded                                                         | dropped     | kept, the peer added |
 * | X-Forwarded-*, X-Accel-*, X-Sendfile*, CF-*, True-Client-IP, X-Request-Start, X-Original-URL, … | dropped | kept |
 * | Via                                                               | kept, ours added | kept, ours added |
 *
 * TE is dropped even when it is "trailers", because trailers are (RFC 9110 §6.5.1 lets us).
 */
import { flatCopy } from "./flat.ts";
import type { Framing } from "./framing.ts";
import { type HeadLines, lineStride } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import type { RequestHead } from "./request-head.ts";

/** What the edge knows about a request besides its head. One object may serve many requests. */
export interface ForwardOptions {
  /** The other end of the connection, as text; "" for a Unix socket, and for one that is not to be told of. */
  peerAddress: string;
  peerPort: number;
  /** The client: what trusted peers say (`resolveClientAddress`), else the peer itself. */
  clientAddress: string;
  /** Of the connection itself. */
  scheme: "http" | "https";
  /** Whether the peer is a trusted proxy, whose X-Forwarded-* and the like are believed. */
  trusted: boolean;
  /** The listener's own name and port: for requests without a Host, and SERVER_PORT. */
  serverName: string;
  serverPort: number;
  /** "/api" to take that off the path; "" to leave it. Must be a prefix of the path. */
  stripPrefix: string;
  /** How the body will be sent on. The CGI block ignores it. */
  framing: Framing;
  /** What was said about the client last time: one for each connection. */
  said: ClientMemo;
}

/** What we say about a client, with what it was made from: the same for most requests of a connection. */
export interface ClientMemo {
  peerAddress: string;
  peerPort: number;
  scheme: string;
  host: string;
  /** As header lines, and as CGI keys. */
  lines: string;
  keys: string;
}

/** Of a connection that has not sent a request yet. */
export function createClientMemo(): ClientMemo {
  return { peerAddress: "", peerPort: -1, scheme: "", host: "", lines: "", keys: "" };
}

/** The name under which we enter ourselves into Via (RFC 9110 §7.6.3). */
export const viaName = "stack";

const always = 1;
const unlessTrusted = 2;

const dropRule = new Uint8Array(32);
for (const id of [
  fieldId.host,
  fieldId.connection,
  fieldId.contentLength,
  fieldId.transferEncoding,
  fieldId.expect,
  fieldId.upgrade,
  fieldId.keepAlive,
  fieldId.proxyConnection,
  fieldId.te,
  fieldId.trailer,
  fieldId.dropped,
  fieldId.underscore,
  fieldId.forwardedFor,
  fieldId.realIp,
]) {
  dropRule[id] = always;
}
for (const id of [
  fieldId.forwardedProto,
  fieldId.forwardedHost,
  fieldId.forwarded,
  fieldId.claimed,
  fieldId.internal,
]) {
  dropRule[id] = unlessTrusted;
}

/**
 * Whether a line must not be passed on as it came.
 *
 * @param at where the line's numbers start in `head.lines`
 */
export function isDropped(head: RequestHead, at: number, trusted: boolean): boolean {
  const rule = dropRule[head.lines[at + 4] as number] as number;
  if (rule !== 0 && (rule === always || !trusted)) return true;
  if (head.named === null) return false;
  return head.named.has(head.text.slice(head.lines[at], head.lines[at + 1]).toLowerCase());
}

/** The Host to pass on; a request of HTTP/1.0 without one gets the listener's. */
export function receivedHost(head: RequestHead, options: ForwardOptions): string {
  if (head.authority !== "") return head.authority;
  const { serverName, serverPort } = options;
  return serverPort === 80 ? serverName : `${serverName}:${serverPort}`;
}

/** What we say about the client, as header lines. */
export function clientLines(head: RequestHead, options: ForwardOptions, host: string): string {
  if (!options.trusted) return clientMemo(options, host).lines;
  let out = `X-Forwarded-For: ${forwardedFor(head, options)}\r\nX-Real-IP: ${options.clientAddress}\r\n`;
  if (!hasField(head, fieldId.forwardedProto)) out += `X-Forwarded-Proto: ${options.scheme}\r\n`;
  if (!hasField(head, fieldId.forwardedHost)) out += `X-Forwarded-Host: ${host}\r\n`;
  if (hasField(head, fieldId.forwarded)) out += `Forwarded: ${forwardedElement(options)}\r\n`;
  return out;
}

/** The same as CGI keys, with the ones that belong to the connection. */
export function clientKeys(head: RequestHead, options: ForwardOptions, host: string): string {
  if (!options.trusted) return clientMemo(options, host).keys;
  const scheme = clientScheme(head, options);
  const proto = joinedValues(head, fieldId.forwardedProto);
  const forwardedHost = joinedValues(head, fieldId.forwardedHost);
  const forwarded = joinedValues(head, fieldId.forwarded);
  const out = formatKeys({
    clientAddress: options.clientAddress,
    peerPort: options.peerPort,
    scheme,
    host,
    forwardedFor: forwardedFor(head, options),
    proto: proto === "" ? scheme : proto,
    forwardedHost: forwardedHost === "" ? host : forwardedHost,
  });
  return forwarded === ""
    ? out
    : `${out}\0HTTP_FORWARDED\0${forwarded}, ${forwardedElement(options)}`;
}

/** Of an untrusted peer nothing is said that changes between its requests, but the Host perhaps. */
function clientMemo(options: ForwardOptions, host: string): ClientMemo {
  const { said: memo, peerAddress, peerPort, scheme } = options;
  if (
    memo.peerPort === peerPort &&
    memo.peerAddress === peerAddress &&
    memo.scheme === scheme &&
    memo.host === host
  ) {
    return memo;
  }
  memo.peerAddress = peerAddress;
  memo.peerPort = peerPort;
  memo.scheme = scheme;
  memo.host = host;
  memo.lines = flatCopy(
    `X-Forwarded-For: ${peerAddress}\r\nX-Real-IP: ${peerAddress}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${host}\r\n`,
  );
  const said = { scheme, host, proto: scheme, forwardedHost: host, forwardedFor: peerAddress };
  memo.keys = flatCopy(formatKeys({ ...said, clientAddress: peerAddress, peerPort }));
  return memo;
}

interface ClientFacts {
  readonly clientAddress: string;
  readonly peerPort: number;
  readonly scheme: string;
  readonly host: string;
  readonly forwardedFor: string;
  readonly proto: string;
  readonly forwardedHost: string;
}

function formatKeys(client: ClientFacts): string {
  const { clientAddress, peerPort, scheme, host } = client;
  return (
    `\0REMOTE_ADDR\0${clientAddress}\0REMOTE_PORT\0${peerPort}` +
    `\0wsgi.url_scheme\0${scheme}\0HTTP_HOST\0${host}` +
    `\0HTTP_X_FORWARDED_FOR\0${client.forwardedFor}\0HTTP_X_REAL_IP\0${clientAddress}` +
    `\0HTTP_X_FORWARDED_PROTO\0${client.proto}\0HTTP_X_FORWARDED_HOST\0${client.forwardedHost}`
  );
}

/** The X-Forwarded-For to pass on: the peer alone, or appended to what a trusted peer sent. */
function forwardedFor(head: RequestHead, options: ForwardOptions): string {
  if (!options.trusted) return options.peerAddress;
  const received = joinedValues(head, fieldId.forwardedFor);
  const { peerAddress, clientAddress } = options;
  if (received === "") return peerAddress === "" ? clientAddress : peerAddress;
  return peerAddress === "" ? received : `${received}, ${peerAddress}`;
}

/** Our element of Forwarded (RFC 7239 §4, §6). */
function forwardedElement(options: ForwardOptions): string {
  const { peerAddress } = options;
  if (peerAddress === "") return "for=unknown";
  return peerAddress.includes(":") ? `for="[${peerAddress}]"` : `for=${peerAddress}`;
}

/** The scheme the client used, as far as it is known: a trusted peer's word, else the connection's. */
export function clientScheme(head: RequestHead, options: ForwardOptions): string {
  if (!options.trusted) return options.scheme;
  const said = joinedValues(head, fieldId.forwardedProto).toLowerCase();
  return said === "https" || said === "http" ? said : options.scheme;
}

/** All values of one field joined by ", "; "" when there is none. */
export function joinedValues(head: HeadLines, id: number): string {
  const { lines, text } = head;
  const linesEnd = head.lineCount * lineStride;
  let joined = "";
  for (let at = 0; at < linesEnd; at += lineStride) {
    if (lines[at + 4] !== id) continue;
    const value = text.slice(lines[at + 2], lines[at + 3]);
    joined = joined === "" ? value : `${joined}, ${value}`;
  }
  return joined;
}

function hasField(head: HeadLines, id: number): boolean {
  const linesEnd = head.lineCount * lineStride;
  for (let at = 0; at < linesEnd; at += lineStride) if (head.lines[at + 4] === id) return true;
  return false;
}
