import { expect, test } from "vitest";
import { fieldLines } from "./field-lines.ts";
import { createFloodGuard, floodBounds } from "./flood-guard.ts";
import { formatRequestText, isTrailer } from "./request-text.ts";

const good = [":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/x?y"];

test("a request becomes the HTTP/1.1 head that says the same", () => {
  const fields = [...good, "cookie", "a=1", "accept", "*/*", "host", "a.test", "cookie", "b=2"];
  expect(formatRequestText(fields, true)).toEqual({
    kind: "head",
    text: "GET /x?y HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\ncookie: a=1; b=2\r\n\r\n",
  });
});

test.for<[what: string, more: readonly string[]]>([
  ["an upper-case name", ["X-A", "1"]],
  ["a space in a name", ["x a", "1"]],
  ["an empty name", ["", "1"]],
  ["a line end in a value", ["x-a", "1\r\nx-b: 2"]],
  ["NUL in a value", ["x-a", "\0"]],
  ["white space before a value", ["x-a", "\t1"]],
  ["white space after a value", ["x-a", "1 "]],
  ["Connection", ["connection", "keep-alive"]],
  ["Keep-Alive", ["keep-alive", "1"]],
  ["Proxy-Connection", ["proxy-connection", "close"]],
  ["Transfer-Encoding", ["transfer-encoding", "chunked"]],
  ["Upgrade", ["upgrade", "h2c"]],
  ["TE: gzip", ["te", "gzip"]],
  ["two Hosts", ["host", "a.test", "host", "a.test"]],
  ["two Content-Lengths", ["content-length", "0", "content-length", "0"]],
  ["a length without a body", ["content-length", "1"]],
  ["a pseudo-header after a field", ["x-a", "1", ":path", "/"]],
  ["a second path", [":path", "/"]],
  ["a protocol", [":protocol", "websocket"]],
])("%s is malformed", ([, more]) => {
  expect(formatRequestText([...good, ...more], true)).toMatchObject({ kind: "malformed" });
});

test.for([
  ["", "malformed"],
  ["x", "malformed"],
  ["*", "malformed"],
  ["http://b.test/", "malformed"],
  ["/a b", "malformed"],
  ["/a\x7f", "malformed"],
  ["//b.test/", "head"],
] as const)("the path %j of a GET is %s", ([path, kind]) => {
  expect(formatRequestText([...good.slice(0, 7), path], true).kind).toBe(kind);
});

test("CONNECT is refused, and so are two names for the host", () => {
  const connect = formatRequestText([":method", "CONNECT", ":authority", "a.test:1"], true);
  expect(connect).toMatchObject({ kind: "refused", status: 405 });
  const two = formatRequestText([...good, "host", "b.test"], true);
  expect(two).toMatchObject({ kind: "refused", status: 400 });
  const other = formatRequestText([...good, "host", "a.test:80"], true);
  expect(other).toMatchObject({ kind: "refused", status: 400 });
});

test.for(["A.Test", "a.test:443"])("the host may be said as %s beside its :authority", (host) => {
  const { kind } = formatRequestText([...good, "host", host], true);
  expect(kind).toBe("head");
});

test("a trailer may have fields that are not of the connection", () => {
  expect(isTrailer(["x-sum", "1", "te", "trailers"])).toBe(true);
  for (const wrong of [
    [":path", "/"],
    ["te", "gzip"],
    ["upgrade", "h2c"],
    ["x-a", "1 "],
  ]) {
    expect(isTrailer(["x-sum", "1", ...wrong]), wrong[0]).toBe(false);
  }
});

test("a cookie with nothing in it is passed on", () => {
  const request = formatRequestText([...good, "cookie", "", "cookie", "a=1"], true);
  expect(request).toMatchObject({ text: expect.stringContaining("cookie: ; a=1\r\n") });
});

test("header lines become fields in lower case, without those of a connection", () => {
  const lines =
    "Set-Cookie: a=1\r\nSet-Cookie:b=2; Path=/\r\nConnection: close\r\nX-Empty:\r\nX-Name: \xa0voil\xc3\xa0\t\r\n";
  expect(fieldLines(200, lines)).toEqual([
    ...[":status", "200"],
    ...["set-cookie", "a=1", "set-cookie", "b=2; Path=/"],
    ...["x-empty", "", "x-name", "\xa0voil\xc3\xa0"],
  ]);
});

test("a flood is one only within its window", () => {
  const guard = createFloodGuard();
  for (let count = 0; count < floodBounds.pings; count += 1) {
    expect(guard.count("pings", 0)).toBe(false);
  }
  expect(guard.count("settings", 0)).toBe(false);
  expect(guard.count("pings", 1)).toBe(true);
  expect(guard.count("pings", 10_000)).toBe(false);
});
