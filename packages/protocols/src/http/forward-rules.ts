/**
 * Which header lines of a request reach an application, and what we say about the client in their
 * place. The same rules for both ways out: HTTP text and CGI block.
 */
import { connectionNames } from "./connection.ts";
import { type HeadLines, lineField, lineName, lineValue } from "./head-lines.ts";
import { fieldId } from "./header-names.ts";
import type { RequestHead } from "./request-head.ts";

/** What the edge knows about a request besides its head. One object may serve many requests. */
export interface ForwardOptions {
  /** The other end of the connection, as text. */
  peerAddress: string;
  peerPort: number;
  /** The client: the peer, or what trusted peers say (`resolveClientAddress`). */
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
  framing: number;
}

/** The name under which we enter ourselves into Via (RFC 9110 §7.6.3). */
export const viaName = "stack";

const always = 1;
const untilTrusted = 2;

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
]) {
  dropRule[id] = untilTrusted;
}

/** Whether line `index` must not be passed on. */
export function isDropped(head: RequestHead, index: number, trusted: boolean): boolean {
  const rule = dropRule[lineField(head, index)];
  if (rule !== 0 && (rule === always || !trusted)) return true;
  return head.namesFields && connectionNames(head, lineName(head, index).toLowerCase());
}

/** All values of one field joined by ", "; "" when there is none. */
export function joinedValues(head: HeadLines, id: number): string {
  let joined = "";
  for (let index = 0; index < head.lineCount; index++) {
    if (lineField(head, index) !== id) continue;
    joined = joined === "" ? lineValue(head, index) : `${joined}, ${lineValue(head, index)}`;
  }
  return joined;
}

/** The X-Forwarded-For to pass on: the peer alone, or appended to what a trusted peer sent. */
export function forwardedFor(head: RequestHead, options: ForwardOptions): string {
  if (!options.trusted) return options.peerAddress;
  const received = joinedValues(head, fieldId.forwardedFor);
  return received === "" ? options.peerAddress : `${received}, ${options.peerAddress}`;
}

/** The scheme the client used, as far as it is known: a trusted peer's word, else the connection's. */
export function clientScheme(head: RequestHead, options: ForwardOptions): "http" | "https" {
  if (!options.trusted) return options.scheme;
  const said = joinedValues(head, fieldId.forwardedProto).toLowerCase();
  return said === "https" || said === "http" ? said : options.scheme;
}

/**
 * Walks X-Forwarded-For from the right past every trusted proxy to the first address that is not
 * one; where all are trusted, the leftmost. What is not an address ends the walk.
 *
 * @param isTrusted whether an address belongs to `trustedProxies`
 */
export function resolveClientAddress(
  peerAddress: string,
  xForwardedFor: string | undefined,
  isTrusted: (address: string) => boolean,
): string {
  let client = peerAddress;
  if (xForwardedFor === undefined || !isTrusted(peerAddress)) return client;
  const hops = xForwardedFor.split(",");
  for (let index = hops.length - 1; index >= 0; index--) {
    const hop = (hops[index] as string).trim();
    if (!/^[0-9a-fA-F:.]{2,45}$/.test(hop)) return client;
    client = hop;
    if (!isTrusted(hop)) return client;
  }
  return client;
}
