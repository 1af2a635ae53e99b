/**
 * The PROXY protocol, versions 1 and 2, as a server reads it: one header before anything else, which
 * says whose connection this is. Only to be believed from listed peers, and from those required.
 *
 * | header                                         | decision                                 |
 * | ---------------------------------------------- | ---------------------------------------- |
 * | v1 TCP4, TCP6; v2 TCP over IPv4, IPv6          | the addresses in it                      |
 * | v1 UNKNOWN; v2 LOCAL, UNSPEC; v2 Unix          | the connection's own addresses           |
 * | v1 of more than 107 bytes, in any other form   | refused                                  |
 * | v2 datagrams, reserved commands and families   | refused                                  |
 * | v2 shorter than its addresses                  | refused                                  |
 * | v2 longer: TLVs                                | read past, up to `maxProxyHeaderBytes`   |
 * | anything that begins otherwise                 | refused at the first byte that differs   |
 */
import { address4Bytes, address4Text, address6Bytes, address6Text } from "./ip-bytes.ts";

export interface ProxyHeader {
  version: 1 | 2;
  /** Whether the addresses were given; else those of the connection hold. */
  hasAddresses: boolean;
  /** The client: its address as `ForwardOptions` wants it. */
  sourceAddress: string;
  sourcePort: number;
  /** What the client connected to. */
  destinationAddress: string;
  destinationPort: number;
  /** Why it was refused; "" when it was not. */
  problem: string;
}

/** A v2 header of more bytes than this is refused; real ones with TLS details have some hundred. */
export const maxProxyHeaderBytes = 8192;

const maxV1Bytes = 107;
const v1Start = Uint8Array.from([80, 82, 79, 88, 89, 32]);
const v2Start = Uint8Array.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
const fixedV2Bytes = 16;

export function createProxyHeader(): ProxyHeader {
  return {
    version: 1,
    hasAddresses: false,
    sourceAddress: "",
    sourcePort: 0,
    destinationAddress: "",
    destinationPort: 0,
    problem: "",
  };
}

/**
 * Reads the header at buffer[start, end), all that has come of the connection so far.
 *
 * @returns the offset after the header; 0 when more bytes are needed; -1 when the connection must
 *   be closed without an answer: `header.problem` says why
 */
export function parseProxyHeader(
  buffer: Buffer,
  start: number,
  end: number,
  header: ProxyHeader,
): number {
  header.problem = "";
  header.hasAddresses = false;
  header.sourceAddress = "";
  header.sourcePort = 0;
  header.destinationAddress = "";
  header.destinationPort = 0;
  if (start === end) return 0;
  const isText = buffer[start] === v1Start[0];
  const signature = isText ? v1Start : v2Start;
  const known = Math.min(signature.length, end - start);
  for (let index = 0; index < known; index++) {
    if (buffer[start + index] !== signature[index]) return refuse(header, "no PROXY header");
  }
  if (known < signature.length) return 0;
  header.version = isText ? 1 : 2;
  return isText ? parseText(buffer, start, end, header) : parseBinary(buffer, start, end, header);
}

function parseText(buffer: Buffer, start: number, end: number, header: ProxyHeader): number {
  const text = buffer.toString("latin1", start, Math.min(end, start + maxV1Bytes));
  const lineEnd = text.indexOf("\r\n");
  if (lineEnd < 0) {
    // Also a LF alone: it would be waited for in vain.
    const isHopeless = text.length === maxV1Bytes || /[^\x20-\x7e\r]|\r[^\n]/.test(text);
    return isHopeless ? refuse(header, "a PROXY line without its end") : 0;
  }
  const line = text.slice(0, lineEnd);
  const after = start + lineEnd + 2;
  if (/^PROXY UNKNOWN(?: [\x20-\x7e]*)?$/.test(line)) return after;
  const match =
    /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(
      line,
    );
  if (match === null) return refuse(header, "a malformed PROXY line");
  const [, family, source = "", destination = ""] = match;
  const from = textAddress(family === "4", source);
  const to = textAddress(family === "4", destination);
  header.sourcePort = Number(match[4]);
  header.destinationPort = Number(match[5]);
  if (from === "" || to === "" || header.sourcePort > 65_535 || header.destinationPort > 65_535) {
    return refuse(header, "a PROXY line with an invalid address");
  }
  header.sourceAddress = from;
  header.destinationAddress = to;
  header.hasAddresses = true;
  return after;
}

function textAddress(is4: boolean, text: string): string {
  if (is4) return address4Bytes(text) === "" ? "" : text;
  const bytes = address6Bytes(text);
  return bytes === "" ? "" : address6Text(Buffer.from(bytes, "latin1"), 0);
}

const local = 0x20;
const proxied = 0x21;
const unspecified = 0x00;
const tcp4 = 0x11;
const tcp6 = 0x21;
const unixStream = 0x31;

function parseBinary(buffer: Buffer, start: number, end: number, header: ProxyHeader): number {
  const at = start + fixedV2Bytes;
  const command = start + 12 < end ? buffer[start + 12] : local;
  if (command !== local && command !== proxied) {
    return refuse(header, "a PROXY header of an unknown version or command");
  }
  if (at > end) return 0;
  const length = buffer.readUInt16BE(start + 14);
  if (fixedV2Bytes + length > maxProxyHeaderBytes) {
    return refuse(header, "a PROXY header that is too long");
  }
  const family = buffer[start + 13] as number;
  const needed = command === local ? 0 : addressBytes(family);
  if (needed < 0) return refuse(header, "a PROXY header of an unknown family");
  if (length < needed) return refuse(header, "a PROXY header shorter than its addresses");
  if (at + length > end) return 0;
  if (command === proxied && family === tcp4) {
    setAddresses(header, buffer, address4Text(buffer, at), address4Text(buffer, at + 4), at + 8);
  } else if (command === proxied && family === tcp6) {
    setAddresses(header, buffer, address6Text(buffer, at), address6Text(buffer, at + 16), at + 32);
  }
  return at + length;
}

/** How many bytes of addresses a family has; -1 for one that cannot be on a stream. */
function addressBytes(family: number): number {
  switch (family) {
    case unspecified:
      return 0;
    case tcp4:
      return 12;
    case tcp6:
      return 36;
    case unixStream:
      return 216;
    default:
      return -1;
  }
}

function setAddresses(
  header: ProxyHeader,
  buffer: Buffer,
  source: string,
  destination: string,
  portsAt: number,
): void {
  header.sourceAddress = source;
  header.destinationAddress = destination;
  header.sourcePort = buffer.readUInt16BE(portsAt);
  header.destinationPort = buffer.readUInt16BE(portsAt + 2);
  header.hasAddresses = true;
}

function refuse(header: ProxyHeader, problem: string): number {
  header.problem = problem;
  return -1;
}
