import { createRequestHead, parseRequestHead, type RequestHead } from "@stack/protocols";
import { expect, test } from "vitest";
import { hashText } from "./balance.ts";
import { cookieValue, createKeyReader } from "./request-key.ts";

function headOf(target: string, fields: string): RequestHead {
  const head = createRequestHead();
  const text = `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const limits = { headerBytes: 8_192, headerCount: 50 };
  expect(parseRequestHead(text, 0, text.length, limits, head)).toBe(0);
  return head;
}

test.for([
  ["sid=1", "1"],
  ["a=2; sid=1; b=3", "1"],
  ["xsid=2; sid=1", "1"],
  ["sid=1; sid=2", "1"],
  ["sid", undefined],
  ["sidx=1", undefined],
  ["a=sid=1", undefined],
  ["sid=", ""],
] as const)("in %s the cookie is %s", ([cookies, expected]) => {
  expect(cookieValue(headOf("/", `Cookie: ${cookies}\r\n`), "sid")).toBe(expected);
});

test("the key is what is asked for, or the client's address where that is missing", () => {
  const client = { address: "192.0.2.1" };
  const facts = { head: headOf("/a?b=1", "X-User: joe\r\nCookie: sid=7\r\n"), client };
  const bare = { head: headOf("/", ""), client };
  expect(createKeyReader({ hash: "uri" })(facts)).toBe(hashText("/a?b=1"));
  expect(createKeyReader({ hash: "header", name: "X-User" })(facts)).toBe(hashText("joe"));
  expect(createKeyReader({ hash: "cookie", name: "sid" })(facts)).toBe(hashText("7"));
  expect(createKeyReader({ hash: "cookie", name: "sid" })(bare)).toBe(hashText("192.0.2.1"));
  expect(createKeyReader("address-hash")(bare)).toBe(hashText("192.0.2.1"));
});
