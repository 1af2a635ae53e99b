import { createRequestHead, parseRequestHead } from "@stack/protocols";
import { expect, test } from "vitest";
import { addressKey, cookieValue, createRequestKey } from "./request-key.ts";

test.for([
  ["192.0.2.7", "192.0.2.7"],
  ["", ""],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:"],
  ["2001:db8:1:2::1", "2001:db8:1:2:"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2:"],
  ["2001:db8::1", "2001:db8:0:0:"],
  ["::1", "0:0:0:0:"],
  ["::", "0:0:0:0:"],
  ["1:2:3:4:5:6:192.0.2.7", "1:2:3:4:"],
  ["64:ff9b::192.0.2.7", "64:ff9b:0:0:"],
] as const)("%s is counted as %s", ([address, expected]) => {
  expect(addressKey(address)).toBe(expected);
});

test.for([
  ["a=1; session=x; b=2", "x"],
  ["session=x", "x"],
  ["xsession=no; session= y ", "y"],
  ["session", undefined],
  ["a=session=x", undefined],
  ["", undefined],
  [undefined, undefined],
  ["session=first; session=second", "first"],
] as const)("the session in %s is %s", ([cookies, expected]) => {
  expect(cookieValue(cookies, "session")).toBe(expected);
});

test("a missing header counts by address, and cannot be confused with a value", () => {
  const keyOf = createRequestKey({ kind: "header", name: "X-Api-Key" });
  const head = createRequestHead();
  const parse = (field: string) => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`;
    parseRequestHead(text, 0, text.length, { headerBytes: 9999, headerCount: 9 }, head);
    return keyOf(head, "192.0.2.7");
  };
  expect(parse("")).not.toBe(parse("X-Api-Key: 192.0.2.7\r\n"));
  expect(parse("x-api-key: k\r\n")).toBe(parse("X-API-KEY:   k\r\n"));
});
