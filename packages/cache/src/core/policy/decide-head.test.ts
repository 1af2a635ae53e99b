/** What a HEAD changes of the stored GET: RFC 9111 §4.3.5. */
import { expect, test } from "vitest";
import { answered, now, second, stored } from "../../../test/support/messages.ts";
import { httpCachePolicy } from "./cache-policy.ts";
import { decideHead } from "./decide-head.ts";

const before = ["Cache-Control: max-age=100", 'ETag: "a"', "Last-Modified: -900", "Date: +0"];
const later = now + 50 * second;

function decide(lines: readonly string[], status = 200, length = -1) {
  const times = { requestedAt: later, receivedAt: later };
  const response = answered(lines, status, length);
  return decideHead(stored(before), response, 10, httpCachePolicy, times);
}

test.for([
  ["the same tag", ['ETag: "a"'], 200, -1, "freshened"],
  ["the same date", ["Last-Modified: -900"], 200, -1, "freshened"],
  ["no validator", ["X: 1"], 200, -1, "freshened"],
  ["the same length", ['ETag: "a"'], 200, 10, "freshened"],
  ["another tag", ['ETag: "b"'], 200, 10, "stale"],
  ["a weak tag for a strong one", ['ETag: W/"a"'], 200, -1, "stale"],
  ["another date", ['ETag: "a"', "Last-Modified: -800"], 200, -1, "stale"],
  ["another length", ['ETag: "a"'], 200, 11, "stale"],
  ["404", ['ETag: "a"'], 404, -1, "unchanged"],
  ["304", ['ETag: "a"'], 304, -1, "unchanged"],
] as const)("%s: %s %s", ([, lines, status, length, kind]) => {
  expect(decide(lines, status, length).kind).toBe(kind);
});

test("what is freshened lives anew, what is stale has ended", () => {
  const freshened = decide(['ETag: "a"', "Cache-Control: max-age=70", "X: 2"]);
  expect(freshened).toMatchObject({ answer: { freshUntil: later + 70 * second } });
  expect(decide(['ETag: "b"'])).toMatchObject({ answer: { freshUntil: later, etag: '"a"' } });
});

test.for(["no-store", "private"])("%s: from then on the app is asked each time", (directive) => {
  const decision = decide(['ETag: "a"', `Cache-Control: max-age=70, ${directive}`]);
  expect(decision).toMatchObject({ answer: { alwaysValidate: true, neverStale: true } });
});
