import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { beginTrace, createRequestIds, isRequestId, traceIdOf } from "./request-ids.ts";

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const parent = "00f067aa0ba902b7";

test.for([
  [`00-${trace}-${parent}-01`, trace],
  [`00-${trace}-${parent}-00`, trace],
  [`cc-${trace}-${parent}-01-what-the-future-holds`, trace],
  [`cc-${trace}-${parent}-01`, trace],
  [`00-${trace}-${parent}-01-more`, undefined],
  [`ff-${trace}-${parent}-01`, undefined],
  [`00-${"0".repeat(32)}-${parent}-01`, undefined],
  [`00-${trace}-${"0".repeat(16)}-01`, undefined],
  [`00-${trace.toUpperCase()}-${parent}-01`, undefined],
  [`00-${trace}-${parent}`, undefined],
  [`00-${trace}-${parent}-01, 00-${trace}-${parent}-01`, undefined],
  ["", undefined],
  [undefined, undefined],
] as const)("the trace of %s is %s", ([traceparent, expected]) => {
  expect(traceIdOf(traceparent)).toBe(expected);
});

test("a trace that begins here is valid and its own", () => {
  const one = beginTrace(randomBytes);
  const two = beginTrace(randomBytes);
  expect(traceIdOf(one.traceparent)).toBe(one.traceId);
  expect(one.traceId).not.toBe(two.traceId);
});

test("ids of one thread and of two differ, and can be sent in a header", () => {
  const one = createRequestIds(randomBytes);
  const two = createRequestIds(randomBytes);
  const ids = Array.from({ length: 1_000 }, () => [one(), two()]).flat();
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every(isRequestId)).toBe(true);
});

test.for(["", "a b", "a\r\nX: y", "é", '"', "a".repeat(129), undefined])("%j is no id", (text) => {
  expect(isRequestId(text)).toBe(false);
});
