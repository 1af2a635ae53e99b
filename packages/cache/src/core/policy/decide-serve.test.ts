/** When a stored answer is served, validated or passed by: RFC 9111 §4, §5.2.1, RFC 5861 §3. */
import { expect, test } from "vitest";
import { ask, now, second, stored } from "../../../test/support/messages.ts";
import { type CachePolicy, httpCachePolicy } from "./cache-policy.ts";
import { decideLookup, decideServe, refreshForward, type ServeDecision } from "./decide-serve.ts";
import { readRequestFacts } from "./request-facts.ts";

const context = { method: "GET", appIsDown: false, hasVariants: false };

/** In a word, what is done with an answer some seconds after it came. */
function serve(
  answerLines: readonly string[],
  requestLines: readonly string[],
  afterSeconds: number,
  policy: CachePolicy = httpCachePolicy,
  appIsDown = false,
): string {
  const facts = readRequestFacts(ask("GET", ...requestLines));
  const at = now + afterSeconds * second;
  return wordOf(decideServe(facts, stored(answerLines), at, policy, { ...context, appIsDown }));
}

function wordOf(decision: ServeDecision): string {
  if (decision.kind === "forward") return decision.reason;
  return decision.kind === "hit" && decision.stale ? decision.detail : decision.kind;
}

const long = ["Cache-Control: max-age=100", 'ETag: "a"'];

const served: readonly (readonly [
  word: string,
  answer: readonly string[],
  request: readonly string[],
  afterSeconds: number,
])[] = [
  ["hit", long, [], 0],
  ["hit", long, [], 99],
  ["stale", long, [], 100],
  ["stale", ["Cache-Control: no-cache, max-age=100", 'ETag: "a"'], [], 0],
  ["stale", ["CDN-Cache-Control: no-cache", "Cache-Control: max-age=9", 'ETag: "a"'], [], 0],
  ["hit", ['Cache-Control: no-cache="x", max-age=100'], [], 0],
  ["hit", ["Cache-Control: max-age=100, must-revalidate"], [], 99],
  ["hit", ["Cache-Control: max-age=100, immutable"], [], 99],
  // what the client asks for
  ["request", long, ["Cache-Control: no-cache"], 0],
  ["request", long, ["Cache-Control: No-Cache"], 0],
  ["request", long, ["Cache-Control: unheard-of, no-cache"], 0],
  ["request", long, ["Cache-Control: unheard-of", "Cache-Control: no-cache"], 0],
  ["request", long, ["Pragma: no-cache"], 0],
  ["request", long, ["Pragma: x, no-cache"], 0],
  ["hit", long, ["Pragma: foo"], 0],
  ["hit", long, ["Pragma: no-cache", "Cache-Control: unheard-of"], 0],
  ["hit", long, ['Cache-Control: x="no-cache"'], 0],
  ["request", long, ["Cache-Control: max-age=0"], 0],
  ["hit", long, ["Cache-Control: max-age=10"], 10],
  ["request", long, ["Cache-Control: max-age=10"], 11],
  ["hit", long, ["Cache-Control: max-age=old"], 11],
  ["request", [...long, "Age: 50"], ["Cache-Control: max-age=10"], 0],
  ["hit", long, ["Cache-Control: min-fresh=10"], 90],
  ["request", long, ["Cache-Control: min-fresh=10"], 91],
  ["request", [...long, "Age: 95"], ["Cache-Control: min-fresh=10"], 0],
  ["max-stale", long, ["Cache-Control: max-stale"], 5000],
  ["max-stale", long, ["Cache-Control: max-stale=10"], 110],
  ["stale", long, ["Cache-Control: max-stale=10"], 111],
  ["stale", long, ["Cache-Control: max-stale=x"], 101],
  ["stale", long, ["Cache-Control: max-stale = 10"], 101],
  ["max-stale", [...long, "Age: 200"], ["Cache-Control: max-stale=100"], 0],
  ["request", long, ["Cache-Control: max-stale=100, max-age=10"], 105],
  [
    "stale",
    ["Cache-Control: max-age=9, must-revalidate", 'ETag: "a"'],
    ["Cache-Control: max-stale"],
    9,
  ],
  ["stale", ["Cache-Control: s-maxage=9", 'ETag: "a"'], ["Cache-Control: max-stale"], 9],
  ["hit", long, ["Cache-Control: only-if-cached"], 0],
  ["unavailable", long, ["Cache-Control: only-if-cached"], 100],
  ["max-stale", long, ["Cache-Control: only-if-cached, max-stale"], 100],
  // stale while revalidated
  ["stale-while-revalidate", ["Cache-Control: max-age=9, stale-while-revalidate=5"], [], 13],
  ["stale", ["Cache-Control: max-age=9, stale-while-revalidate=5"], [], 14],
  ["stale-while-revalidate", ["Cache-Control: s-maxage=9, stale-while-revalidate=5"], [], 13],
  ["stale-while-revalidate", ["CDN-Cache-Control: max-age=9, stale-while-revalidate=5"], [], 13],
  ["stale", ["Cache-Control: max-age=9, must-revalidate, stale-while-revalidate=5"], [], 13],
  ["stale", ["Cache-Control: max-age=9, stale-while-revalidate=x"], [], 9],
  [
    "request",
    ["Cache-Control: max-age=9, stale-while-revalidate=5"],
    ["Cache-Control: no-cache"],
    13,
  ],
  [
    "request",
    ["Cache-Control: max-age=9, stale-while-revalidate=5"],
    ["Cache-Control: max-age=10"],
    13,
  ],
];

test.for(served)("%s: %j to %j after %d s", ([word, answer, request, afterSeconds]) => {
  expect(serve(answer, request, afterSeconds)).toBe(word);
});

test("a client that is not obeyed changes nothing", () => {
  const deaf = { ...httpCachePolicy, obeyClient: false };
  for (const line of ["no-cache", "no-store", "max-age=0", "min-fresh=999", "only-if-cached"]) {
    const facts = readRequestFacts(ask("GET", `Cache-Control: ${line}`));
    expect(decideLookup("GET", facts, deaf, false)).toBeUndefined();
    expect(serve(long, [`Cache-Control: ${line}`], 0, deaf)).toBe("hit");
  }
  expect(serve(long, ["Cache-Control: max-stale"], 100, deaf)).toBe("stale");
  expect(serve(long, ["Cache-Control: only-if-cached"], 100, deaf)).toBe("stale");
});

test("what the route says of stale answers counts where the answer is silent", () => {
  const policy = { ...httpCachePolicy, staleWhileRevalidateMs: 20 * second };
  expect(serve(long, [], 119, policy)).toBe("stale-while-revalidate");
  expect(serve(long, [], 120, policy)).toBe("stale");
  expect(
    serve(["Cache-Control: max-age=9, stale-while-revalidate=0", 'ETag: "a"'], [], 9, policy),
  ).toBe("stale");
  expect(serve(["Cache-Control: max-age=9, must-revalidate", 'ETag: "a"'], [], 9, policy)).toBe(
    "stale",
  );
});

test("while the app is down stale answers are served as long as the route allows", () => {
  const policy = { ...httpCachePolicy, staleWhileDownMs: 20 * second };
  expect(serve(long, [], 119, policy, true)).toBe("app-down");
  expect(serve(long, [], 120, policy, true)).toBe("stale");
  expect(serve(["Cache-Control: max-age=9, stale-while-revalidate=50"], [], 40, policy, true)).toBe(
    "app-down",
  );
  expect(
    serve(["Cache-Control: max-age=9, must-revalidate", 'ETag: "a"'], [], 9, policy, true),
  ).toBe("stale");
  expect(serve(["Cache-Control: no-cache", 'ETag: "a"'], [], 0, policy, true)).toBe("stale");
});

test("a hit allocates nothing", () => {
  const facts = readRequestFacts(ask());
  const answer = stored(long);
  const one = decideServe(facts, answer, now, httpCachePolicy, context);
  expect(decideServe(facts, answer, now + 1, httpCachePolicy, context)).toBe(one);
});

const passed: readonly (readonly [
  reason: string | undefined,
  method: string,
  lines: readonly string[],
])[] = [
  [undefined, "GET", []],
  [undefined, "HEAD", []],
  [
    undefined,
    "GET",
    ["Authorization: Basic eA==", "Cookie: a=b", 'If-None-Match: "a"', "Range: bytes=0-1"],
  ],
  ["method", "POST", []],
  ["method", "OPTIONS", []],
  ["method", "get", []],
  ["request", "GET", ["Cache-Control: no-store"]],
  ["request", "GET", ['If-Match: "a"']],
  ["request", "GET", ["If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"]],
];

test.for(passed)("past the store, %s: %s %j", ([reason, method, lines]) => {
  const facts = readRequestFacts(ask(method, ...lines));
  const forward = decideLookup(method, facts, httpCachePolicy, false);
  expect(forward?.reason).toBe(reason);
  if (forward !== undefined) expect(forward).toMatchObject({ mayStore: false, mayCollapse: false });
});

test("a rule of the route sends a request past the store", () => {
  expect(decideLookup("GET", readRequestFacts(ask()), httpCachePolicy, true)?.reason).toBe(
    "bypass",
  );
});

function miss(method: string, ...lines: string[]): ServeDecision {
  const facts = readRequestFacts(ask(method, ...lines));
  return decideServe(facts, undefined, now, httpCachePolicy, { ...context, method });
}

test("a miss is fetched whole, to be stored and shared", () => {
  const whole = { kind: "forward", mayStore: true, mayCollapse: true, conditions: "" };
  expect(miss("GET")).toEqual({ ...whole, reason: "uri-miss", removes: null });
  const conditional = miss("GET", 'If-None-Match: "a"', "If-Modified-Since: x");
  expect(conditional).toMatchObject(whole);
  expect(conditional).toHaveProperty("removes", new Set(["if-none-match", "if-modified-since"]));
  const variant = decideServe(readRequestFacts(ask()), undefined, now, httpCachePolicy, {
    ...context,
    hasVariants: true,
  });
  expect(variant).toEqual({ ...whole, reason: "vary-miss", removes: null });
});

test("nobody waits for the answer to credentials, and HEAD and Range are passed on as they are", () => {
  expect(miss("GET", "Authorization: x")).toMatchObject({ mayStore: true, mayCollapse: false });
  const asIs = { mayStore: false, mayCollapse: false, removes: null, reason: "uri-miss" };
  expect(miss("HEAD", 'If-None-Match: "a"')).toMatchObject(asIs);
  expect(miss("GET", "Range: bytes=0-1", 'If-None-Match: "a"')).toMatchObject(asIs);
});

test("only-if-cached without anything stored is 504", () => {
  expect(miss("GET", "Cache-Control: only-if-cached").kind).toBe("unavailable");
});

test("validation asks with both validators, and with nothing of the client's", () => {
  const lines = ["Cache-Control: max-age=9", 'ETag: W/"a"', "Last-Modified: -1000"];
  const modified = /Last-Modified: (.*)\r\n/.exec(stored(lines).fields)?.[1];
  const facts = readRequestFacts(ask("GET", 'If-None-Match: "b"', "Range: bytes=0-1"));
  expect(decideServe(facts, stored(lines), now + 9 * second, httpCachePolicy, context)).toEqual({
    kind: "forward",
    reason: "stale",
    mayStore: true,
    mayCollapse: true,
    removes: new Set(["if-none-match", "if-modified-since", "range", "if-range"]),
    conditions: `If-None-Match: W/"a"\r\nIf-Modified-Since: ${modified}\r\n`,
  });
  expect(refreshForward(stored(["Cache-Control: max-age=9"]))).toMatchObject({ conditions: "" });
});

test("a date that is none validates nothing", () => {
  const answer = stored(["Cache-Control: max-age=9", "Last-Modified: yesterday"]);
  expect(refreshForward(answer)).toMatchObject({ conditions: "" });
});

test("a stale answer to HEAD is asked for as HEAD", () => {
  const facts = readRequestFacts(ask("HEAD"));
  const at = now + 100 * second;
  expect(
    decideServe(facts, stored(long), at, httpCachePolicy, { ...context, method: "HEAD" }),
  ).toMatchObject({
    reason: "stale",
    mayStore: false,
    mayCollapse: false,
    conditions: "",
  });
});
