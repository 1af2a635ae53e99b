/** What a 304 changes: RFC 9111 §3.2, §4.3.4. */
import { expect, test } from "vitest";
import { answered, httpDate, now, second, stored } from "../../../test/support/messages.ts";
import { httpCachePolicy } from "./cache-policy.ts";
import { formatAnswerFields } from "./decide-answer.ts";
import { decideServe } from "./decide-serve.ts";
import { plainRequest } from "./request-facts.ts";
import type { StoredAnswer } from "./stored-answer.ts";
import { updateStored } from "./update-stored.ts";

const later = now + 500 * second;
const old = ["Cache-Control: max-age=9", 'ETag: "a"', "Date: +0", "X: 1", "Kept: yes"];

function update(before: readonly string[], lines: readonly string[]): StoredAnswer | undefined {
  const times = { requestedAt: later, receivedAt: later };
  return updateStored(stored(before), answered(lines, 304, -1), httpCachePolicy, times);
}

test("fields of a 304 take the place of their namesakes, the others stay", () => {
  const updated = update(old, ['ETag: "a"', "x: 2", "X: 3", "New: 4", "Date: +500"]);
  expect(updated?.fields).toBe(
    `Cache-Control: max-age=9\r\nKept: yes\r\nETag: "a"\r\nx: 2\r\nX: 3\r\nNew: 4\r\nDate: ${httpDate(later)}\r\n`,
  );
});

test("what speaks of the stored bytes, or of a connection, is not taken from a 304", () => {
  const before = [...old, "Content-Encoding: gzip", "Content-Type: text/plain"];
  const updated = update(before, [
    "Content-Length: 99",
    "Content-Encoding: br",
    "Content-Range: bytes 0-1/2",
    "Content-Type: text/html",
    "Connection: y",
    "Y: 1",
    "Age: 0",
  ]);
  const { fields } = updated as StoredAnswer;
  expect(fields).toContain("Content-Encoding: gzip\r\n");
  expect(fields).toContain("Content-Type: text/html\r\n");
  expect(fields).not.toMatch(/Content-Length|br|Content-Range|Connection|Y:|Age/);
});

test("freshness begins anew, by the directives of both", () => {
  expect(update(old, [])?.freshUntil).toBe(later + 9 * second);
  expect(update(old, ["Cache-Control: max-age=70", "Date: +500"])?.freshUntil).toBe(
    later + 70 * second,
  );
  expect(update(old, ["Age: 4"])?.freshUntil).toBe(later + 5 * second);
  expect(update(["Expires: +9", 'ETag: "a"'], ["Expires: +600", "Date: +500"])?.freshUntil).toBe(
    later + 100 * second,
  );
  expect(update(old, ["Cache-Control: no-cache"])?.alwaysValidate).toBe(true);
  const answer = update([...old, "Age: 7"], []) as StoredAnswer;
  expect(formatAnswerFields(answer, later + second)).toContain(`Date: ${httpDate(later)}\r\n`);
  expect(formatAnswerFields(answer, later + second)).toContain("Age: 1\r\n");
});

test("a cookie of a 304 is for one client, and is not kept", () => {
  expect(update(old, ['ETag: "a"', "Set-Cookie: a=1"])?.fields).not.toContain("Set-Cookie");
});

test.for(["no-store", "private"])("after a 304 with %s the app is asked each time", (directive) => {
  const updated = update(old, ['ETag: "a"', `Cache-Control: max-age=70, ${directive}`]);
  expect(updated).toMatchObject({ alwaysValidate: true, neverStale: true });
});

test("an updated answer is served again", () => {
  const answer = update(old, ["Date: +500"]);
  const context = { method: "GET", appIsDown: false, hasVariants: false };
  expect(
    decideServe(plainRequest, answer, later + 8 * second, httpCachePolicy, context),
  ).toMatchObject({ kind: "hit", stale: false });
});

test("status, variant and release stay", () => {
  const before = stored([...old, "Vary: foo"], 404);
  const times = { requestedAt: later, receivedAt: later };
  const updated = updateStored(before, answered([], 304, -1), httpCachePolicy, times);
  expect(updated).toMatchObject({ status: 404, vary: ["foo"], selectedBy: [""], release: "r1" });
});

const spoken: readonly (readonly [isSame: boolean, stored: string, update: string])[] = [
  [true, '"a"', '"a"'],
  [true, 'W/"a"', 'W/"a"'],
  [true, '"a"', 'W/"a"'],
  [false, '"a"', '"b"'],
  [false, 'W/"a"', 'W/"b"'],
];

test.for(spoken)("a 304 speaks of the stored version, %j: %s, %s", ([isSame, before, after]) => {
  const updated = update(["Cache-Control: max-age=9", `ETag: ${before}`], [`ETag: ${after}`]);
  expect(updated !== undefined).toBe(isSame);
});
