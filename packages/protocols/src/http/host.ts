/**
 * The authority of a request: a name or address and perhaps a port. Narrower than RFC 3986
 * §3.2.2: sub-delimiters and percent-encoding are refused, since no host has them and they end up
 * in links and cookies; an underscore is accepted, since container networks use it.
 */
import { isIPv6 } from "node:net";

export interface Authority {
  /** Lower case, without a final dot; an IPv6 address keeps its brackets. */
  host: string;
  /** 0 when it names none. */
  port: number;
  /** Both, as they are forwarded. */
  text: string;
}

/** A name of the DNS has at most 253 characters, a port 5; values are remembered, so they are bounded. */
const maxAuthority = 260;

/** Reads "name", "name:80", "[::1]:80" into `into`; false when it is none of them. */
export function parseAuthority(value: string, into: Authority): boolean {
  let end = value.length;
  if (end > maxAuthority) return false;
  let at = 0;
  if (value.charCodeAt(0) === 91) {
    at = value.indexOf("]") + 1;
    const address = value.slice(1, at - 1);
    if (!isIPv6(address) || address.includes("%")) return false;
  } else {
    let lastDot = true;
    for (; at < end; at++) {
      const char = value.charCodeAt(at);
      if (char === 58) break;
      if (char === 46) {
        if (lastDot) return false; // ".a", "a..b": never a host, sometimes a folder
        lastDot = true;
        continue;
      }
      lastDot = false;
      if (!isNameCharacter(char)) return false;
    }
    if (at === 0) return false;
  }
  const nameEnd = at;
  let port = 0;
  if (at < end) {
    if (value.charCodeAt(at) !== 58 || end - at > 6) return false;
    for (at++; at < end; at++) {
      const digit = value.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) return false;
      port = port * 10 + digit;
    }
    if (port > 65535 || (port === 0 && end > nameEnd + 1)) return false;
  }
  end = value.charCodeAt(nameEnd - 1) === 46 ? nameEnd - 1 : nameEnd;
  into.host = value.slice(0, end).toLowerCase();
  into.port = port;
  into.text = port === 0 ? into.host : `${into.host}:${port}`;
  return true;
}

function isNameCharacter(char: number): boolean {
  if (char >= 97 && char <= 122) return true;
  if (char >= 48 && char <= 57) return true;
  if (char >= 65 && char <= 90) return true;
  return char === 45 || char === 95;
}
