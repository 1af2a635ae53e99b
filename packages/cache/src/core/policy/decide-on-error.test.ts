/** Stale answers in place of errors: RFC 5861 §4, RFC 9111 §4.2.4. */
import { expect, test } from "vitest";
import { now, second, stored } from "../../../test/support/messages.ts";
import { httpCachePolicy } from "./cache-policy.ts";
import { decideOnError, type Failure } from "./decide-on-error.ts";

const quiet = { ...httpCachePolicy, staleIfErrorMs: 0, staleWhileDownMs: 0 };
const etag = 'ETag: "a"';

function onError(
  cacheControl: string,
  failure: Failure,
  afterSeconds: number,
  policy = quiet,
  isDown = false,
) {
  const answer = stored([`Cache-Control: ${cacheControl}`, etag]);
  return decideOnError(answer, failure, now + afterSeconds * second, policy, isDown);
}

const cases: readonly (readonly [
  serves: boolean,
  cacheControl: string,
  failure: Failure,
  afterSeconds: number,
])[] = [
  [true, "max-age=9, stale-if-error=60", 500, 10],
  [true, "max-age=9, stale-if-error=60", 502, 10],
  [true, "max-age=9, stale-if-error=60", 503, 68],
  [true, "max-age=9, stale-if-error=60", 504, 10],
  [true, "max-age=9, stale-if-error=60", "unreachable", 10],
  [false, "max-age=9, stale-if-error=60", 503, 69],
  [false, "max-age=9, stale-if-error=60", 501, 10],
  [false, "max-age=9, stale-if-error=60", 404, 10],
  [false, "max-age=9, stale-if-error=60", 200, 10],
  [false, "max-age=9", 503, 9],
  [true, "s-maxage=9, stale-if-error=60", 503, 10],
  [false, "max-age=9, must-revalidate, stale-if-error=60", 503, 10],
  [false, "max-age=9, proxy-revalidate, stale-if-error=60", 503, 10],
  [false, "no-cache, stale-if-error=60", 503, 0],
  // asked for although it is fresh
  [true, "max-age=9", 503, 8],
  [true, "max-age=9, must-revalidate", "unreachable", 8],
];

test.for(cases)("%j: %s, %s after %d s", ([serves, cacheControl, failure, afterSeconds]) => {
  expect(onError(cacheControl, failure, afterSeconds)).toBe(serves);
});

test("the route's own time counts where the answer names none", () => {
  const policy = { ...quiet, staleIfErrorMs: 20 * second };
  expect(onError("max-age=9", 503, 28, policy)).toBe(true);
  expect(onError("max-age=9", 503, 29, policy)).toBe(false);
  expect(onError("max-age=9, stale-if-error=0", 503, 9, policy)).toBe(false);
  expect(onError("s-maxage=9", 503, 9, policy)).toBe(false);
});

test("an app that is known to be down is stood in for as long as the route allows", () => {
  const policy = { ...quiet, staleWhileDownMs: 20 * second };
  expect(onError("max-age=9", "unreachable", 28, policy, true)).toBe(true);
  expect(onError("max-age=9", "unreachable", 28, policy, false)).toBe(false);
  expect(onError("max-age=9", "unreachable", 29, policy, true)).toBe(false);
});
