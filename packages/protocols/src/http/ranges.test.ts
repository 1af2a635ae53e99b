import { expect, test } from "vitest";
import { decideRange, formatContentRange } from "./ranges.ts";

test.each([
  ["bytes=0-0", 0, 0],
  ["bytes=0-", 0, 99],
  ["Bytes=10-19", 10, 19],
  ["bytes=90-1000", 90, 99],
  ["bytes=99-99999999999999999999", 99, 99],
  ["bytes=-10", 90, 99],
  ["bytes=-1000", 0, 99],
])("%s of 100 bytes is %i to %i", (range, first, last) => {
  expect(decideRange(range, 100)).toEqual({ kind: "part", first, last });
});

test.each([["bytes=100-"], ["bytes=100-200"], ["bytes=-0"], ["bytes=99999999999999999999-"]])(
  "%s of 100 bytes cannot be satisfied",
  (range) => {
    expect(decideRange(range, 100)).toEqual({ kind: "unsatisfiable" });
  },
);

test.each([
  [undefined],
  [""],
  ["bytes=-"],
  ["bytes="],
  ["bytes=5-4"],
  ["bytes=a-b"],
  ["bytes=+1-2"],
  ["bytes=0-1,5-4"],
  ["bytes=0-1;5-6"],
  ["bytes=,"],
  ["items=0-1"],
  ["bytes 0-1"],
])("%s is answered with the whole", (range) => {
  expect(decideRange(range, 100)).toEqual({ kind: "whole" });
});

test.each([
  ["bytes=0-1,5-6", ["0-1", "5-6"]],
  ["bytes=5-6 ,, 0-1\t,-1", ["5-6", "0-1", "99-99"]],
  ["bytes=0-1,500-600,4-4", ["0-1", "4-4"]],
  ["bytes=0-9,5-14,10-19", ["0-9", "5-14", "10-19"]],
])("%s of 100 bytes is several parts, in the order asked for", (range, parts) => {
  const decision = decideRange(range, 100);
  expect(decision.kind === "parts" && decision.parts.map((it) => `${it.first}-${it.last}`)).toEqual(
    parts,
  );
});

test("of several ranges one that can be given is a part like any other", () => {
  expect(decideRange("bytes=0-1,500-600", 100)).toEqual({ kind: "part", first: 0, last: 1 });
  expect(decideRange("bytes=200-,500-600", 100)).toEqual({ kind: "unsatisfiable" });
});

test.each([
  ["twice the whole", "bytes=0-,0-"],
  ["more than there is", "bytes=0-59,40-99"],
  ["many that overlap", "bytes=0-3,1-4,2-5,3-6"],
  ["too many", `bytes=${Array.from({ length: 33 }, (_, at) => `${at * 3}-${at * 3}`).join()}`],
])("%s are answered with the whole", (_name, range) => {
  expect(decideRange(range, 100)).toEqual({ kind: "whole" });
});

test("nothing has no part", () => {
  expect(decideRange("bytes=0-", 0)).toEqual({ kind: "unsatisfiable" });
  expect(decideRange("bytes=-5", 0)).toEqual({ kind: "whole" });
});

test("Content-Range names the part, or that there is none", () => {
  expect(formatContentRange({ first: 0, last: 9 }, 100)).toBe("bytes 0-9/100");
  expect(formatContentRange(undefined, 100)).toBe("bytes */100");
});
