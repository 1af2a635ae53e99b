import { expect, test } from "vitest";
import {
  evaluatePreconditions,
  ifRangeHolds,
  type Preconditions,
  weakMatch,
} from "./conditional.ts";
import { formatHttpDate } from "./dates.ts";

const mtimeMs = Date.UTC(2026, 0, 1, 12, 0, 0, 500);
const now = mtimeMs + 3_600_000;
const current = { etag: '"v1"', mtimeMs };
const same = formatHttpDate(mtimeMs);
const earlier = formatHttpDate(mtimeMs - 1000);
const later = formatHttpDate(mtimeMs + 1000);

const cases: readonly (readonly [Preconditions, string, "proceed" | 304 | 412])[] = [
  [{}, "GET", "proceed"],
  [{ ifNoneMatch: '"v1"' }, "GET", 304],
  [{ ifNoneMatch: 'W/"v1"' }, "HEAD", 304],
  [{ ifNoneMatch: '"v0", W/"v1" , "v2"' }, "GET", 304],
  [{ ifNoneMatch: '"v0"' }, "GET", "proceed"],
  [{ ifNoneMatch: '"a,"v1"' }, "GET", "proceed"],
  [{ ifNoneMatch: "*" }, "GET", 304],
  [{ ifNoneMatch: "*" }, "PUT", 412],
  [{ ifNoneMatch: '"v1"' }, "POST", 412],
  [{ ifModifiedSince: same }, "GET", 304],
  [{ ifModifiedSince: later }, "GET", 304],
  [{ ifModifiedSince: earlier }, "GET", "proceed"],
  [{ ifModifiedSince: same }, "POST", "proceed"],
  [{ ifModifiedSince: "junk" }, "GET", "proceed"],
  // If-None-Match is the better validator: the date beside it does not count.
  [{ ifNoneMatch: '"v0"', ifModifiedSince: same }, "GET", "proceed"],
  [{ ifNoneMatch: '"v1"', ifModifiedSince: earlier }, "GET", 304],
  [{ ifMatch: '"v1"' }, "PUT", "proceed"],
  [{ ifMatch: 'W/"v1"' }, "PUT", 412],
  [{ ifMatch: '"v0"' }, "GET", 412],
  [{ ifMatch: "*" }, "PUT", "proceed"],
  [{ ifUnmodifiedSince: same }, "PUT", "proceed"],
  [{ ifUnmodifiedSince: earlier }, "PUT", 412],
  [{ ifUnmodifiedSince: "junk" }, "PUT", "proceed"],
  [{ ifMatch: '"v1"', ifUnmodifiedSince: earlier }, "PUT", "proceed"],
  [{ ifMatch: '"v0"', ifNoneMatch: '"v1"' }, "GET", 412],
  [{ ifMatch: '"v1"', ifNoneMatch: '"v1"' }, "GET", 304],
];

test.each(cases)("%j of %s: %s", (preconditions, method, expected) => {
  expect(evaluatePreconditions(method, preconditions, current, now)).toBe(expected);
});

test("a resource without validators matches only *", () => {
  const bare = { etag: undefined, mtimeMs: undefined };
  expect(evaluatePreconditions("GET", { ifNoneMatch: '"v1"' }, bare, now)).toBe("proceed");
  expect(evaluatePreconditions("GET", { ifModifiedSince: same }, bare, now)).toBe("proceed");
  expect(evaluatePreconditions("GET", { ifMatch: '"v1"' }, bare, now)).toBe(412);
  expect(evaluatePreconditions("PUT", { ifNoneMatch: "*" }, bare, now)).toBe(412);
});

test.each([
  [undefined, true],
  ['"v1"', true],
  ['W/"v1"', false],
  ['"v0"', false],
  [same, true],
  [earlier, false],
  [later, false],
  ["junk", false],
])("If-Range %j holds: %s", (ifRange, holds) => {
  expect(ifRangeHolds(ifRange, current, now)).toBe(holds);
});

test("If-Range does not hold for a weak tag, or a date of this very second", () => {
  expect(ifRangeHolds('W/"v1"', { etag: 'W/"v1"', mtimeMs }, now)).toBe(false);
  expect(ifRangeHolds(same, current, mtimeMs + 100)).toBe(false);
});

test("tags compare weakly whatever side is weak", () => {
  expect(weakMatch('W/"a"', '"a"')).toBe(true);
  expect(weakMatch('W/"a"', 'W/"a"')).toBe(true);
  expect(weakMatch('"a"', '"b"')).toBe(false);
});
