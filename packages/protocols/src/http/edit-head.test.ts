import { expect, test } from "vitest";
import { editHeadLines } from "./edit-head.ts";
import { formatForwardedRequest } from "./format-forward.ts";
import { createClientMemo } from "./forward-rules.ts";
import { noBody } from "./framing.ts";
import { headerValue } from "./head-lines.ts";
import { parseRequestHead } from "./parse-request.ts";
import { createRequestHead, type RequestHead } from "./request-head.ts";

const options = {
  peerAddress: "192.0.2.7",
  peerPort: 1,
  clientAddress: "192.0.2.7",
  scheme: "http",
  trusted: false,
  serverName: "x",
  serverPort: 80,
  stripPrefix: "",
  framing: noBody,
  said: createClientMemo(),
} as const;

function parse(fields: string, before = ""): RequestHead {
  const head = createRequestHead();
  const text = `${before}GET /a?b HTTP/1.1\r\nHost: shop.test\r\n${fields}\r\nNEXT`;
  const end = text.length - "NEXT".length;
  const status = parseRequestHead(
    text,
    before.length,
    end,
    { headerBytes: 9999, headerCount: 99 },
    head,
  );
  if (status !== 0) throw new Error(head.problem);
  return head;
}

test("lines go and come, the rest is forwarded as it was", () => {
  const head = parse("X-User: forged\r\nA: 1\r\nx-USER: forged\r\n", "GARBAGE");
  editHeadLines(head, new Set(["x-user"]), "X-User: alice\r\n");
  expect(headerValue(head, "x-user")).toBe("alice");
  expect(headerValue(head, "a")).toBe("1");
  const forwarded = formatForwardedRequest(head, options);
  expect(forwarded).toMatch(
    /^GET \/a\?b HTTP\/1\.1\r\nHost: shop\.test\r\nA: 1\r\nX-User: alice\r\n/,
  );
  expect(forwarded).not.toMatch(/forged|NEXT|GARBAGE/);
});

test("all lines but Host can go", () => {
  const head = parse("A: 1\r\n");
  editHeadLines(head, new Set(["a"]), "");
  expect(formatForwardedRequest(head, options)).toMatch(
    /^GET \/a\?b HTTP\/1\.1\r\nHost: shop\.test\r\nX-/,
  );
});

test("a client cannot have our line dropped by naming it in Connection", () => {
  const head = parse("Connection: x-user, a\r\nA: 1\r\n");
  editHeadLines(head, null, "X-User: alice\r\n");
  const forwarded = formatForwardedRequest(head, options);
  expect(forwarded).toContain("X-User: alice\r\n");
  expect(forwarded).not.toContain("A: 1");
});

test("more lines than the record had room for", () => {
  const head = parse(Array.from({ length: 60 }, (_, index) => `H${index}: v\r\n`).join(""));
  editHeadLines(head, null, Array.from({ length: 60 }, (_, index) => `N${index}: w\r\n`).join(""));
  expect(headerValue(head, "n59")).toBe("w");
  expect(headerValue(head, "h59")).toBe("v");
});
