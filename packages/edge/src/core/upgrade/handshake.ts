/**
 * Which upgrade a request gets (RFC 9110 §7.8), and whether its WebSocket handshake is one
 * (RFC 6455 §4.2.1). What is not allowed is dropped, and the request goes on as an ordinary one.
 */
import { headerValue, type RequestHead, trimBlanks } from "@stack/protocols";

export interface HandshakeProblem {
  readonly status: 400 | 426;
  readonly reason: string;
}

/** 16 bytes in base64. */
const websocketKey = /^[A-Za-z0-9+/]{22}==$/;

/**
 * The first protocol the client offers that the route allows; "" for none. A request with a body
 * is never upgraded: what follows its head could be read in two ways.
 */
export function chooseUpgrade(head: RequestHead, allowed: readonly string[] | undefined): string {
  if (allowed === undefined || allowed.length === 0) return "";
  if (head.chunked || head.contentLength > 0) return "";
  for (const offered of head.upgrade.split(",", 8)) {
    const name = trimBlanks(offered);
    if (allowed.includes(name)) return name;
  }
  return "";
}

/** What is wrong with a handshake for `upgrade`; of protocols other than WebSocket nothing is known. */
export function findHandshakeProblem(
  head: RequestHead,
  upgrade: string,
): HandshakeProblem | undefined {
  if (upgrade !== "websocket") return undefined;
  if (head.method !== "GET") return { status: 400, reason: "a WebSocket begins with GET" };
  if (headerValue(head, "sec-websocket-version") !== "13") {
    return { status: 426, reason: "only version 13 of WebSocket is spoken" };
  }
  const key = headerValue(head, "sec-websocket-key");
  if (key === undefined || !websocketKey.test(key)) {
    return { status: 400, reason: "the Sec-WebSocket-Key is not valid" };
  }
  return undefined;
}
