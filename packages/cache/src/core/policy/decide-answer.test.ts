/** Conditions and ranges answered from the store: RFC 9111 §4.3.2, RFC 9110 §13, §14. */
import { expect, test } from "vitest";
import { ask, httpDate, now, second, stored } from "../../../test/support/messages.ts";
import {
  decideAnswer,
  formatAnswerFields,
  formatNotModifiedFields,
  formatPartFields,
} from "./decide-answer.ts";
import { readRequestFacts } from "./request-facts.ts";

const ttl = "Cache-Control: max-age=100";
const at = (seconds: number): string => httpDate(now + seconds * second);

const cases: readonly (readonly [
  kind: string,
  answer: readonly string[],
  request: readonly string[],
])[] = [
  ["whole", ['ETag: "a"'], []],
  ["not-modified", ['ETag: "a"'], ['If-None-Match: "a"']],
  ["not-modified", ['ETag: W/"a"'], ['If-None-Match: W/"a"']],
  ["not-modified", ['ETag: "a"'], ['If-None-Match: W/"a"']],
  ["not-modified", ['ETag: "a"'], ['If-None-Match: "a", "b", "c"']],
  ["not-modified", ['ETag: "a"'], ['If-None-Match: "b", "a", "c"']],
  ["not-modified", ['ETag: "a"'], ['If-None-Match: "b"', 'If-None-Match: "a"']],
  ["not-modified", ['ETag: "a\xfc"'], ['If-None-Match: "a\xfc"']],
  ["not-modified", ['ETag: "a"'], ["If-None-Match: *"]],
  ["whole", ['ETag: "a"'], ['If-None-Match: "b"']],
  ["whole", [], ['If-None-Match: "b"']],
  ["not-modified", ["Last-Modified: -300"], [`If-Modified-Since: ${at(-300)}`]],
  ["not-modified", ["Last-Modified: -300"], [`If-Modified-Since: ${at(-200)}`]],
  ["whole", ["Last-Modified: -300"], [`If-Modified-Since: ${at(-301)}`]],
  ["not-modified", ["Date: -10"], [`If-Modified-Since: ${at(-5)}`]],
  ["whole", ["Date: -10"], [`If-Modified-Since: ${at(-15)}`]],
  ["not-modified", [], [`If-Modified-Since: ${at(0)}`]],
  ["whole", ["Last-Modified: -300"], ["If-Modified-Since: recently"]],
  // If-None-Match counts before If-Modified-Since
  [
    "not-modified",
    ['ETag: "a"', "Last-Modified: -300"],
    ['If-None-Match: "a"', `If-Modified-Since: ${at(-900)}`],
  ],
  [
    "whole",
    ['ETag: "a"', "Last-Modified: -300"],
    ['If-None-Match: "b"', `If-Modified-Since: ${at(0)}`],
  ],
  // parts
  ["part", [], ["Range: bytes=0-1"]],
  ["part", [], ["Range: bytes=1-"]],
  ["part", [], ["Range: bytes=-1"]],
  ["parts", [], ["Range: bytes=0-1, 4-5"]],
  ["unsatisfiable", [], ["Range: bytes=11-"]],
  ["whole", [], ["Range: lines=1-2"]],
  ["whole", [], ["Range: bytes=2-1"]],
  ["part", ['ETag: "a"'], ["Range: bytes=0-1", 'If-Range: "a"']],
  ["whole", ['ETag: "a"'], ["Range: bytes=0-1", 'If-Range: "b"']],
  ["whole", ['ETag: W/"a"'], ["Range: bytes=0-1", 'If-Range: W/"a"']],
  ["part", ["Last-Modified: -300"], ["Range: bytes=0-1", `If-Range: ${at(-300)}`]],
  ["whole", ["Last-Modified: -300"], ["Range: bytes=0-1", `If-Range: ${at(-299)}`]],
  ["whole", [], ["Range: bytes=0-1", `If-Range: ${at(0)}`]],
  ["not-modified", ['ETag: "a"'], ["Range: bytes=0-1", 'If-None-Match: "a"']],
];

test.for(cases)("%s: %j to %j", ([kind, answer, request]) => {
  const facts = readRequestFacts(ask("GET", ...request));
  expect(decideAnswer("GET", facts, stored([ttl, ...answer]), 11, now).kind).toBe(kind);
});

test("a part is what was asked for", () => {
  const facts = readRequestFacts(ask("GET", "Range: bytes=-3"));
  const part = { kind: "part", first: 8, last: 10 } as const;
  expect(decideAnswer("GET", facts, stored([ttl]), 11, now)).toEqual(part);
  expect(formatPartFields(stored([ttl]), now, part, 11)).toContain(
    "Content-Range: bytes 8-10/11\r\n",
  );
  expect(formatPartFields(stored([ttl]), now, undefined, 11)).toContain(
    "Content-Range: bytes */11\r\n",
  );
});

test("HEAD is told of the whole, and conditions and ranges are of no matter to an error", () => {
  const facts = readRequestFacts(ask("GET", "Range: bytes=0-1", 'If-None-Match: "a"'));
  expect(decideAnswer("HEAD", facts, stored([ttl]), 11, now).kind).toBe("whole");
  expect(decideAnswer("HEAD", facts, stored([ttl, 'ETag: "a"']), 11, now).kind).toBe(
    "not-modified",
  );
  expect(decideAnswer("GET", facts, stored([ttl, 'ETag: "a"'], 404), 11, now).kind).toBe("whole");
  expect(decideAnswer("GET", facts, stored([ttl], 203), 11, now).kind).toBe("whole");
});

test("Age is the whole seconds since the answer was made, and no field changes otherwise", () => {
  const answer = stored([ttl, "Age: 30", "Date: -10", "Expires: +7", "X: 1"]);
  const fields = formatAnswerFields(answer, now + 2999);
  expect(fields).toBe(`${answer.fields}Age: 32\r\n`);
  expect(fields).toContain(`Date: ${at(-10)}\r\nExpires: ${at(7)}\r\nX: 1\r\n`);
  expect(formatAnswerFields(stored([ttl]), now - 5000)).toContain("Age: 0\r\n");
});

test("a 304 has the fields that RFC 9110 §15.4.5 names, and none about a body", () => {
  const names = formatNotModifiedFields(
    stored([
      ttl,
      'ETag: "a"',
      "Vary: x",
      "Expires: +9",
      "Date: +0",
      "Content-Location: /b",
      "Content-Type: text/plain",
      "Content-Encoding: gzip",
      "Content-Language: en",
      "Content-Security-Policy: default-src 'self'",
    ]),
    now,
  )
    .split("\r\n")
    .map((line) => line.split(":", 1)[0]);
  expect(names).toEqual([
    "Cache-Control",
    "ETag",
    "Vary",
    "Expires",
    "Date",
    "Content-Location",
    "Content-Security-Policy",
    "Age",
    "",
  ]);
});
