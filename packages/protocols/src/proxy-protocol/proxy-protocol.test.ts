import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes } from "../../test/support/pieces.ts";
import { encodeProxyHeader } from "./encode-proxy-header.ts";
import { address4Bytes, address6Bytes, address6Text } from "./ip-bytes.ts";
import { createProxyHeader, maxProxyHeaderBytes, parseProxyHeader } from "./parse-proxy-header.ts";

const v2 = "\r\n\r\n\0\r\nQUIT\n";
const addresses4 = "\xcb\0\x71\x09\x0a\0\0\x01\xc3\x50\x01\xbb";

function read(text: string) {
  const header = createProxyHeader();
  const result = parseProxyHeader(bytes(`??${text}`), 2, 2 + text.length, header);
  const { problem, hasAddresses, sourceAddress: source, sourcePort } = header;
  const { destinationAddress: destination, destinationPort } = header;
  return {
    result: result > 0 ? result - 2 : result,
    problem,
    client: hasAddresses ? `${source} ${sourcePort} ${destination} ${destinationPort}` : "",
  };
}

test.each([
  ["PROXY TCP4 203.0.113.9 10.0.0.1 50000 443\r\n", "203.0.113.9 50000 10.0.0.1 443"],
  ["PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", "255.255.255.255 65535 0.0.0.0 0"],
  ["PROXY TCP6 2001:DB8:0:0::1 ::1 1 2\r\n", "2001:db8::1 1 ::1 2"],
  ["PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 1 2\r\n", "192.0.2.1 1 10.0.0.1 2"],
  [
    `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
    `${"ffff:".repeat(7)}ffff 65535 ${"ffff:".repeat(7)}ffff 65535`,
  ],
  ["PROXY UNKNOWN\r\n", ""],
  ["PROXY UNKNOWN ffff:f...f anything at all\r\n", ""],
  [`${v2}\x21\x11\0\x0c${addresses4}`, "203.0.113.9 50000 10.0.0.1 443"],
  [`${v2}\x21\x11\0\x11${addresses4}\x04\0\x02ab`, "203.0.113.9 50000 10.0.0.1 443"],
  [
    `${v2}\x21\x21\0\x24${"\x20\x01".padEnd(16, "\0")}${"\0".repeat(15)}\x01\0\x01\0\x02`,
    "2001:: 1 ::1 2",
  ],
  [`${v2}\x21\x31\0\xd8${"x".repeat(216)}`, ""],
  [`${v2}\x21\0\0\0`, ""],
  [`${v2}\x21\0\0\x05abcde`, ""],
  [`${v2}\x20\0\0\0`, ""],
  [`${v2}\x20\x11\0\x0c${addresses4}`, ""],
  [`${v2}\x20\x11\0\x02ab`, ""],
])("%j says %j, and nothing that follows is taken", (text, client) => {
  expect(read(text)).toEqual({ result: text.length, problem: "", client });
  expect(read(`${text}GET / HTTP/1.1\r\n`)).toEqual({ result: text.length, problem: "", client });
  for (let length = 0; length < text.length; length++) {
    expect(read(text.slice(0, length)), `the first ${length}`).toEqual({
      result: 0,
      problem: "",
      client: "",
    });
  }
});

describe("a connection is refused that begins with", () => {
  test.each([
    ["a request", "GET / HTTP/1.1\r\n"],
    ["a request whose method begins alike", "PUT / HTTP/1.1\r\n"],
    ["TLS", "\x16\x03\x01"],
    ["an empty line", "\r\n\r\nGET"],
    ["small letters", "proxy TCP4"],
    ["UDP", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"],
    ["two spaces", "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n"],
    ["a space at the end", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"],
    ["no ports", "PROXY TCP4 1.2.3.4 1.2.3.4\r\n"],
    ["a port with a leading zero", "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"],
    ["a port of 65536", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n"],
    ["an address with a leading zero", "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n"],
    ["an address of 256", "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n"],
    ["three numbers", "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n"],
    ["IPv6 as TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n"],
    ["IPv4 as TCP6", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"],
    ["two gaps", "PROXY TCP6 1::2::3 ::1 1 2\r\n"],
    ["nine groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n"],
    ["a LF alone", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"],
    ["a CR within", "PROXY TCP4 1.2.3.4\r 1.2.3.4 1 2\r\n"],
    ["a control character in UNKNOWN", "PROXY UNKNOWN \x01\r\n"],
    ["UNKNOWN run together", "PROXY UNKNOWNx\r\n"],
    ["a line of 108 bytes", `PROXY UNKNOWN ${"x".repeat(92)}\r\n`],
    ["a line without end", `PROXY UNKNOWN ${"x".repeat(93)}`],
    ["version 3", `${v2}\x31`],
    ["another command", `${v2}\x22`],
    ["UDP over IPv4", `${v2}\x21\x12\0\x0c${addresses4}`],
    ["a Unix datagram", `${v2}\x21\x32\0\xd8`],
    ["another family", `${v2}\x21\x41\0\0`],
    ["IPv4 of 11 bytes", `${v2}\x21\x11\0\x0b${addresses4}`],
    ["IPv6 of 12 bytes", `${v2}\x21\x21\0\x0c${addresses4}`],
    ["Unix of 12 bytes", `${v2}\x21\x31\0\x0c${addresses4}`],
    ["TLVs beyond the limit", `${v2}\x21\x11\x20\0`],
    ["65535 bytes of LOCAL", `${v2}\x20\0\xff\xff`],
  ])("%s", (_what, text) => {
    const { result, problem, client } = read(text);
    expect(result).toBe(-1);
    expect(problem).not.toBe("");
    expect(client).toBe("");
  });
});

test("the longest line and the longest header are taken", () => {
  expect(read(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`).result).toBe(107);
  const length = maxProxyHeaderBytes - 16;
  const header = `${v2}\x20\0${String.fromCharCode(length >> 8, length & 255)}${"\0".repeat(length)}`;
  expect(read(header).result).toBe(maxProxyHeaderBytes);
});

test("a record that served one connection says nothing of it to the next", () => {
  const header = createProxyHeader();
  const full = bytes("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n");
  const empty = bytes("PROXY UNKNOWN\r\n");
  parseProxyHeader(full, 0, full.length, header);
  parseProxyHeader(empty, 0, empty.length, header);
  expect(header).toEqual({ ...createProxyHeader(), version: 1 });
});

const port = fc.nat({ max: 65_535 });

test("what is encoded is decoded, in both versions and all pairs of families", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, address, port, port, (source, destination, from, to) => {
      const facts = {
        sourceAddress: source,
        sourcePort: from,
        destinationAddress: destination,
        destinationPort: to,
      };
      for (const version of [1, 2] as const) {
        const { result, client } = read(encodeProxyHeader(version, facts));
        expect(result).toBeGreaterThan(0);
        expect(client).toBe(`${normal(source)} ${from} ${normal(destination)} ${to}`);
      }
    }),
    { numRuns: 500 },
  );
});

function normal(address: string): string {
  const ipv6 = address6Bytes(address);
  return ipv6 === "" ? address : address6Text(bytes(ipv6), 0);
}

test.each([
  ["::", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["1:0:0:0:0:0:0:0", "1::"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
])("%s is written %s", (address, text) => {
  expect(normal(address)).toBe(text);
});

test("IPv6 is read as Node reads it", () => {
  const part = fc.constantFrom(
    "0",
    "1",
    "ffff",
    "ABCD",
    ":",
    "::",
    "1.2.3.4",
    ".",
    "12345",
    "%eth0",
    "g",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 16 }), (parts) => {
      const text = parts.join("");
      const zoned = text.includes("%");
      expect(address6Bytes(text) !== "").toBe(isIPv6(text) && !zoned);
    }),
    { numRuns: 3000 },
  );
  expect(address4Bytes("1.2.3.4")).toBe("\x01\x02\x03\x04");
});

test("connections of our own and those without addresses say so", () => {
  const unix = { sourceAddress: "", sourcePort: 0, destinationAddress: "unix", destinationPort: 0 };
  expect(encodeProxyHeader(1, undefined)).toBe("PROXY UNKNOWN\r\n");
  expect(encodeProxyHeader(1, unix)).toBe("PROXY UNKNOWN\r\n");
  expect(encodeProxyHeader(2, undefined)).toBe(`${v2}\x20\0\0\0`);
  expect(encodeProxyHeader(2, unix)).toBe(`${v2}\x21\0\0\0`);
});

test("noise is refused or waits, and what is refused stays so with more", () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((tail) => Buffer.concat([bytes(v2), tail])),
    fc.uint8Array({ maxLength: 40 }).map((tail) => Buffer.concat([bytes("PROXY "), tail])),
  );
  fc.assert(
    fc.property(noise, (raw) => {
      const text = Buffer.from(raw).toString("latin1");
      const whole = read(text).result;
      for (let length = 0; length < text.length; length++) {
        const { result } = read(text.slice(0, length));
        expect(result === 0 || result === whole).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
