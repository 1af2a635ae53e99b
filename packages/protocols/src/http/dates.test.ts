import fc from "fast-check";
import { expect, test } from "vitest";
import { formatHttpDate, parseHttpDate } from "./dates.ts";

const now = Date.UTC(2026, 10, 22);
const moment = Date.UTC(1994, 10, 6, 8, 49, 37);

test("the three forms of RFC 9110 are the same moment", () => {
  expect(formatHttpDate(moment)).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  expect(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT", now)).toBe(moment);
  expect(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT", now)).toBe(moment);
  expect(parseHttpDate("Sun Nov  6 08:49:37 1994", now)).toBe(moment);
});

test("a year of two digits is at most 50 years ahead", () => {
  expect(parseHttpDate("Sunday, 06-Nov-76 08:49:37 GMT", now)).toBe(
    Date.UTC(2076, 10, 6, 8, 49, 37),
  );
  expect(parseHttpDate("Sunday, 06-Nov-77 08:49:37 GMT", now)).toBe(
    Date.UTC(1977, 10, 6, 8, 49, 37),
  );
});

test.each([
  [""],
  ["now"],
  ["1994-11-06T08:49:37Z"],
  ["Sun, 06 Nov 1994 08:49:37"],
  ["Sun, 06 Nov 1994 08:49:37 UTC"],
  ["Sun, 06 Nov 1994 08:49:37 +0000"],
  ["Sun, 6 Nov 1994 08:49:37 GMT"],
  ["Sun, 31 Feb 1994 08:49:37 GMT"],
  ["Sun, 00 Nov 1994 08:49:37 GMT"],
  ["Sun, 06 Nox 1994 08:49:37 GMT"],
  ["Sun, 06 Nov 1994 24:49:37 GMT"],
  ["Sun, 06 Nov 1994 08:60:37 GMT"],
  ["Sun, 06 Nov 1994 08:49:61 GMT"],
  [" Sun, 06 Nov 1994 08:49:37 GMT"],
])("%j is no date", (text) => {
  expect(parseHttpDate(text, now)).toBeUndefined();
});

test("what is written is read", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0) }), (ms) => {
      expect(parseHttpDate(formatHttpDate(ms), now)).toBe(Math.floor(ms / 1000) * 1000);
    }),
  );
});
