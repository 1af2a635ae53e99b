/** The PROXY protocol as a client writes it: before the first byte to an upstream that asks for it. */
import { address4Bytes, address6Bytes } from "./ip-bytes.ts";

export interface ProxyAddresses {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

const v2Start = "\r\n\r\n\0\r\nQUIT\n";

/**
 * The header, as latin-1 text.
 *
 * @param addresses undefined for a connection of our own (a health check): UNKNOWN, LOCAL. What is
 *   not an IP address on both ends (a Unix socket) is said to be unknown as well
 */
export function encodeProxyHeader(version: 1 | 2, addresses: ProxyAddresses | undefined): string {
  if (addresses === undefined) return version === 1 ? "PROXY UNKNOWN\r\n" : localHeader;
  const { sourceAddress, sourcePort, destinationAddress, destinationPort } = addresses;
  const ports = portBytes(sourcePort) + portBytes(destinationPort);
  const source4 = address4Bytes(sourceAddress);
  const destination4 = address4Bytes(destinationAddress);
  if (source4 !== "" && destination4 !== "") {
    return version === 1
      ? `PROXY TCP4 ${sourceAddress} ${destinationAddress} ${sourcePort} ${destinationPort}\r\n`
      : binary("\x21\x11", source4 + destination4 + ports);
  }
  // One of each family: the other's is written as an IPv6 address.
  const source6 = source4 === "" ? address6Bytes(sourceAddress) : mapped + source4;
  const destination6 =
    destination4 === "" ? address6Bytes(destinationAddress) : mapped + destination4;
  if (source6 === "" || destination6 === "") {
    return version === 1 ? "PROXY UNKNOWN\r\n" : binary("\x21\0", "");
  }
  if (version === 2) return binary("\x21\x21", source6 + destination6 + ports);
  const from = source4 === "" ? sourceAddress : `::ffff:${sourceAddress}`;
  const to = destination4 === "" ? destinationAddress : `::ffff:${destinationAddress}`;
  return `PROXY TCP6 ${from} ${to} ${sourcePort} ${destinationPort}\r\n`;
}

const mapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff";
const localHeader = binary("\x20\0", "");

function binary(commandAndFamily: string, payload: string): string {
  return `${v2Start}${commandAndFamily}${portBytes(payload.length)}${payload}`;
}

/** 16 bits, the high ones first. */
function portBytes(value: number): string {
  return String.fromCharCode((value >> 8) & 255, value & 255);
}
