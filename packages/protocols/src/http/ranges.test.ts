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
  ["bytes=0-1,5-6"],
  ["items=0-1"],
  ["bytes 0-1"],
])("%s is answered with the whole", (range) => {
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
