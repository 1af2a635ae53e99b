/** 503 in every language. */
import { expect, test } from "vitest";
import { formatRefusal } from "./refusal.ts";

const said = Buffer.from("GET / HTTP/1.1\r\n");

test.for([
  ["http", /^HTTP\/1\.1 503 [\s\S]*\r\nConnection: close\r\n\r\n503 /],
  ["uwsgi", /^HTTP\/1\.1 503 [\s\S]*\r\n\r\n503 /],
  ["scgi", /^Status: 503 [\s\S]*\r\nRetry-After: 5\r\n/],
] as const)("%s", ([spoken, pattern]) => {
  expect(formatRefusal(spoken, said)?.toString()).toMatch(pattern);
});

test("tls gets an alert", () => {
  expect([...(formatRefusal("tls", said) ?? [])]).toEqual([21, 3, 3, 0, 2, 2, 80]);
});

test("FastCGI: the answer, its end and the end of the request, under the request's number", () => {
  const begin = Buffer.from([1, 1, 0x12, 0x34, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const answer = formatRefusal("fastcgi", begin) as Buffer;
  const length = answer.readUInt16BE(4);
  expect([...answer.subarray(0, 4)]).toEqual([1, 6, 0x12, 0x34]);
  expect(answer.subarray(8, 8 + length).toString()).toMatch(/^Status: 503 /);
  const rest = answer.subarray(8 + length);
  expect([...rest.subarray(0, 8)]).toEqual([1, 6, 0x12, 0x34, 0, 0, 0, 0]);
  expect([...rest.subarray(8)]).toEqual([1, 3, 0x12, 0x34, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("what is no FastCGI is not answered", () => {
  expect(formatRefusal("fastcgi", said)).toBeUndefined();
});
