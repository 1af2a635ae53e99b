/** What is stored and how long it is fresh: RFC 9111 §3, §4.2, §5.2.2, RFC 9213. */
import { expect, test } from "vitest";
import {
  answered,
  ask,
  asked,
  hour,
  httpDate,
  now,
  second,
  store,
  stored,
} from "../../../test/support/messages.ts";
import { type CachePolicy, httpCachePolicy } from "./cache-policy.ts";
import { decideStore } from "./decide-store.ts";

const modified = "Last-Modified: -1000";

/** Seconds of freshness left at the moment the answer came. */
const lifetimes: readonly (readonly [seconds: number, lines: readonly string[]])[] = [
  // Cache-Control: which number counts
  [60, ["Cache-Control: max-age=60"]],
  [60, ["Cache-Control: MAX-age=60"]],
  [60, ["Cache-Control: max-age=060"]],
  [60, ['Cache-Control: max-age="60"']],
  [60, ["Cache-Control: ,, max-age=60 ,"]],
  [60, ["Cache-Control: unheard-of, also=7, max-age=60"]],
  [60, ['Cache-Control: x="max-age=7", max-age=60']],
  [60, ['Cache-Control: max-age=60, x="max-age=7"']],
  [60, ['Cache-Control: x="a\\", max-age=7", max-age=60']],
  [60, ["Cache-Control: max-age=7, s-maxage=60"]],
  [60, ["Cache-Control: s-maxage=60, max-age=7"]],
  [60, ["Cache-Control: max-age=7", "Cache-Control: s-maxage=60"]],
  [7, ["Cache-Control: max-age=60, s-maxage=7"]],
  [2 ** 31, ["Cache-Control: max-age=2147483648"]],
  [2 ** 31, ["Cache-Control: max-age=99999999999999999999999"]],
  // said twice: the first counts (§4.2.1)
  [7, ["Cache-Control: max-age=7, max-age=60"]],
  [60, ["Cache-Control: max-age=60", "Cache-Control: max-age=7"]],
  // said wrongly: stale, whatever else there is
  [0, ["Cache-Control: max-age='60'", modified]],
  [0, ["Cache-Control: max-age=a60", modified]],
  [0, ["Cache-Control: max-age=60a", modified]],
  [0, ["Cache-Control: max-age=60.0", modified]],
  [0, ["Cache-Control: max-age=-60", modified]],
  [0, ["Cache-Control: max-age=+60", modified]],
  [0, ["Cache-Control: max-age=", modified]],
  [0, ["Cache-Control: max-age", modified]],
  [0, ["Cache-Control: max-age =60", modified]],
  [0, ["Cache-Control: max-age= 60", modified]],
  [0, ['Cache-Control: max-age="60', modified]],
  [0, ["Cache-Control: max-age=a60", modified, "Expires: +60"]],
  [0, ["Cache-Control: s-maxage=x, max-age=60", modified]],
  [0, ["Cache-Control: max-age=0", modified, "Expires: +60"]],
  [60, ["Cache-Control: max-age=60", "Expires: -60"]],
  [60, ["Cache-Control: max-age=60", "Expires: 0"]],
  // Expires
  [60, ["Expires: +60", "Date: +0"]],
  [60, ["Expires: +60"]],
  [60, ["Expires: +60", "Date: yesterday"]],
  [0, ["Expires: -60", "Date: +0", modified]],
  [0, ["Expires: +0", "Date: +0", modified]],
  [0, ["Expires: +300", "Date: +400", modified]],
  [0, ["Expires: 0", modified]],
  [0, ["Expires: ", modified]],
  [0, ["Expires: -1", modified]],
  [0, ["Expires: +60", "Expires: +70", modified]],
  [0, ["Expires: Wed, 18 Aug 2050 02:01:18 UTC", modified]],
  [0, ["Expires: Wed, 18 Aug 2050 02:01:18 AEST", modified]],
  [0, ["Expires: Wed, 18 Aug 50 02:01:18 GMT", modified]],
  [0, ["Expires: Wed 18 Aug 2050 02:01:18 GMT", modified]],
  [0, ["Expires: Wed, 18  Aug  2050 02:01:18 GMT", modified]],
  [0, ["Expires: Wed, 18-Aug-2050 02:01:18 GMT", modified]],
  [0, ["Expires: Wed, 18 Aug 2050 02.01.18 GMT", modified]],
  [0, ["Expires: Wed, 18 Aug 2050 2:01:18 GMT", modified]],
  // Age: what is old already (§4.2.3)
  [45, ["Cache-Control: max-age=60", "Age: 15"]],
  [-15, ["Cache-Control: max-age=60", "Age: 75", modified]],
  [-5, ["Expires: +20", "Age: 25", "Date: +0", modified]],
  [-5, ["Expires: +10", "Date: -10", "Age: 25", modified]],
  [-5, ["Expires: +20", "Date: +10", "Age: 15", modified]],
  [60, ["Cache-Control: max-age=60", "Age: old"]],
  [60, ["Cache-Control: max-age=60", "Age: -75"]],
  [60, ["Cache-Control: max-age=60", "Age: 75.0"]],
  [-15, ["Cache-Control: max-age=60", "Age: 75, 0", modified]],
  [-15, ["Cache-Control: max-age=60", "Age: 75", "Age: 0", modified]],
  [60, ["Cache-Control: max-age=60", "Age: 0, 75"]],
  // Date: slow clocks count as age, fast ones do not
  [50, ["Cache-Control: max-age=60", "Date: -10"]],
  [60, ["Cache-Control: max-age=60", "Date: +10"]],
  [45, ["Cache-Control: max-age=60", "Date: -10", "Age: 15"]],
  [50, ["Cache-Control: max-age=60", "Date: -10", "Age: 5"]],
  // guessed: a tenth of the time since it was changed
  [100, [modified, "Date: +0"]],
  [100, [modified]],
  [-10, [modified, "Date: -100"]],
  [24 * 3600, ["Last-Modified: -9000000"]],
  [0, [modified, "Cache-Control: no-cache"]],
  // CDN-Cache-Control: in place of Cache-Control and Expires, where it can be read
  [60, ["CDN-Cache-Control: max-age=60"]],
  [60, ["CDN-Cache-Control: max-age=60", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age=7", "Cache-Control: max-age=60"]],
  [60, ["CDN-Cache-Control: max-age=60", "Cache-Control: no-store"]],
  [60, ["CDN-Cache-Control: max-age=60", "Expires: 0"]],
  [60, ["CDN-Cache-Control: unheard-of, max-age=60"]],
  [60, ["CDN-Cache-Control: max-age=60; soft=?1, unheard-of=(1 2);x"]],
  [60, ["CDN-Cache-Control: max-age=7", "CDN-Cache-Control: max-age=60"]], // the last: a dictionary
  [2 ** 31, ["CDN-Cache-Control: max-age=99999999999"]],
  [0, ["CDN-Cache-Control: max-age=0", "Cache-Control: max-age=60", modified]],
  [0, ["CDN-Cache-Control: max-age=0", "Expires: +60", modified]],
  [-15, ["CDN-Cache-Control: max-age=60", "Age: 75", modified]],
  [100, ["CDN-Cache-Control: none", "Cache-Control: max-age=7", modified]],
  [7, ["CDN-Cache-Control: max-age=60, &&&&", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age=60,", "Cache-Control: max-age=7"]],
  [7, ['CDN-Cache-Control: max-age="60"', "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age=60.0", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age=-60", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age =60", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: max-age= 60", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: MaX-aGe=60", "Cache-Control: max-age=7"]],
  [7, ["CDN-Cache-Control: ", "Cache-Control: max-age=7"]],
  // Pragma is a request's
  [60, ["Cache-Control: max-age=60", "Pragma: no-cache"]],
  [100, [modified, "Pragma: no-cache"]],
];

test.for(lifetimes)("fresh for %d s: %j", ([seconds, lines]) => {
  expect((stored(lines).freshUntil - now) / second).toBe(seconds);
});

const refusals: readonly (readonly [reason: string, lines: readonly string[]])[] = [
  ["no-store", ["Cache-Control: no-store"]],
  ["no-store", ["Cache-Control: No-StOrE"]],
  ["no-store", ["Cache-Control: max-age=60, no-store", "Expires: +60"]],
  ["no-store", ["Cache-Control: max-age=60", "Cache-Control: no-store"]],
  ["no-store", ['Cache-Control: x="unclosed, no-store']],
  ["no-store", ["CDN-Cache-Control: no-store", "Cache-Control: max-age=60"]],
  ["private", ["Cache-Control: private, max-age=60"]],
  ["private", ["CDN-Cache-Control: private", "Cache-Control: max-age=60"]],
  ["private", ["Cache-Control: private, public, s-maxage=60"]],
  ["private", ['Cache-Control: private="x, max-age=60']],
  ["private", ['Cache-Control: private="", max-age=60']],
  ["private", ["Cache-Control: private =x, max-age=60"]],
  ["set-cookie", ["Cache-Control: max-age=60", "Set-Cookie: a=b"]],
  ["set-cookie", ["Cache-Control: public, max-age=60", "set-cookie: a=b"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: *"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: *, *"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: *", "Vary: *"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: , *"]],
  ["vary", ["Cache-Control: max-age=60", "Vary:", "Vary: *"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: *, Foo"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: Foo, *"]],
  ["vary", ["Cache-Control: max-age=60", "Vary: Foo", "Vary: Bar", "Vary: *"]],
  ["vary", ["Cache-Control: max-age=60", `Vary: ${"abcdefghijklmnopq".split("").join(",")}`]],
  ["no-freshness", []],
  ["no-freshness", ['ETag: "a"']],
  ["no-freshness", ["Date: +0", "Cache-Control: public"]],
  ["no-freshness", ["Last-Modified: once upon a time"]],
  ["no-freshness", ["Last-Modified: +1000", "Date: +0"]],
  ["no-freshness", ["Cache-Control: no-cache"]],
  ["no-freshness", ["Cache-Control: max-age=0, must-revalidate"]],
  ["no-freshness", ["Cache-Control: max-age=60, must-revalidate", "Age: 70"]],
];

test.for(refusals)("not stored, %s: %j", ([reason, lines]) => {
  expect(store(lines)).toEqual({ store: false, reason });
});

test("what has a validator is worth storing although it is stale at once", () => {
  for (const lines of [
    ["Cache-Control: no-cache", 'ETag: "a"'],
    ["Cache-Control: max-age=0", 'ETag: W/"a"'],
    ["Cache-Control: max-age=60, must-revalidate", "Age: 70", modified],
    ["Expires: 0", modified],
  ]) {
    expect(store(lines)).toMatchObject({ store: true });
  }
});

const ttl = ["Cache-Control: max-age=60"];

test.for([
  200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599,
])(
  "%d is stored when it says how long it is fresh, and known to be stale when it says so",
  (status) => {
    expect(stored(ttl, status).freshUntil - now).toBe(60 * second);
    expect(stored(["Expires: -50", modified], status).freshUntil).toBeLessThanOrEqual(now);
  },
);

test.for([100, 103, 206, 304])("%d is never stored", (status) => {
  expect(store(ttl, status)).toMatchObject({ store: false });
});

test.for([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])(
  "the freshness of %d may be guessed",
  (status) => {
    expect(stored([modified], status).freshUntil - now).toBe(100 * second);
  },
);

test.for([201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599])(
  "the freshness of %d is not guessed, unless it is public",
  (status) => {
    expect(store([modified], status)).toEqual({ store: false, reason: "no-freshness" });
    const open = [modified, "Cache-Control: public"];
    expect(stored(open, status).freshUntil - now).toBe(100 * second);
  },
);

test("no-cache allows no status to be stored that is not cacheable by default", () => {
  const lines = ["Cache-Control: no-cache", 'ETag: "a"'];
  expect(store(lines, 404)).toMatchObject({ store: true });
  expect(store(lines, 302)).toEqual({ store: false, reason: "no-freshness" });
});

test("nothing is guessed of what may be meant for one person", () => {
  expect(store([modified], 200, ask("GET", "Cookie: session=1"))).toMatchObject({ store: false });
  expect(store(ttl, 200, ask("GET", "Cookie: session=1"))).toMatchObject({ store: true });
  const open = [modified, "Cache-Control: public"];
  expect(store(open, 200, ask("GET", "Cookie: session=1"))).toMatchObject({ store: true });
  const credentials = ask("GET", "Authorization: Basic eA==");
  const validated = [modified, "Cache-Control: must-revalidate"];
  expect(store(validated, 200, credentials)).toMatchObject({ store: false });
});

test("must-understand lets known statuses be stored in spite of no-store, and only those", () => {
  const lines = ["Cache-Control: max-age=60, no-store, must-understand"];
  expect(store(lines, 200)).toMatchObject({ store: true });
  expect(store(lines, 599)).toEqual({ store: false, reason: "no-store" });
  expect(store(["Cache-Control: max-age=60, must-understand"], 599)).toMatchObject({
    store: false,
  });
});

const authorized: readonly (readonly [stored: boolean, cacheControl: string])[] = [
  [false, "max-age=60"],
  [false, "max-age=60, proxy-revalidate"],
  [false, "s-maxage=x, max-age=60"],
  [true, "max-age=60, public"],
  [true, "max-age=60, must-revalidate"],
  [true, "s-maxage=60"],
];

test.for(authorized)("an answer to credentials is stored: %j %s", ([isStored, cacheControl]) => {
  const head = ask("GET", "Authorization: Basic eA==");
  expect(store([`Cache-Control: ${cacheControl}`], 200, head).store).toBe(isStored);
});

test("only answers to GET are stored", () => {
  for (const method of ["HEAD", "POST", "PUT", "OPTIONS", "M-SEARCH"]) {
    expect(store(ttl, 200, ask(method))).toEqual({ store: false, reason: "method" });
  }
});

test("a client's no-store counts where clients are obeyed", () => {
  const head = ask("GET", "Cache-Control: no-store");
  expect(store(ttl, 200, head)).toEqual({ store: false, reason: "request-no-store" });
  const deaf = { ...httpCachePolicy, obeyClient: false };
  expect(store(ttl, 200, head, deaf)).toMatchObject({ store: true });
});

test("a body is stored up to the route's bound", () => {
  const policy = { ...httpCachePolicy, maxBodyBytes: 10 };
  const times = { requestedAt: now, receivedAt: now };
  const decide = (length: number) =>
    decideStore(asked(), answered(ttl, 200, length), policy, times);
  expect(decide(10)).toMatchObject({ store: true });
  expect(decide(-1)).toMatchObject({ store: true });
  expect(decide(11)).toEqual({ store: false, reason: "too-large" });
});

test("a cookie is stored where the route says so, and left out where the answer says so", () => {
  const lines = ["Cache-Control: max-age=60", "Set-Cookie: a=b"];
  const policy = { ...httpCachePolicy, storeSetCookie: true };
  expect(stored(lines, 200, ask(), policy).fields).toContain("Set-Cookie: a=b\r\n");
  const open = ['Cache-Control: max-age=60, no-cache="set-cookie"', "Set-Cookie: a=b"];
  expect(stored(open).fields).not.toContain("a=b");
});

test("fields of one connection, and those an answer names, are not stored", () => {
  const { fields } = stored([
    'Cache-Control: max-age=60, no-cache="One, two", private="three"',
    "Connection: four, Keep-Alive",
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "Proxy-Authentication-Info: x",
    "Proxy-Authorization: x",
    "Proxy-Connection: close",
    "TE: trailers",
    "Trailer: x",
    "Transfer-Encoding: chunked",
    "Upgrade: h2c",
    "Content-Length: 5",
    "Age: 3",
    "one: 1",
    "Two: 2",
    "three: 3",
    "Four: 4",
    "Date: +0",
    "X-Kept: \xe9",
    "Content-Type: text/plain",
  ]);
  expect(fields.split("\r\n").map((line) => line.split(":", 1)[0])).toEqual([
    "Cache-Control",
    "Date",
    "X-Kept",
    "Content-Type",
    "",
  ]);
});

test("an answer without a Date gets the one it came at", () => {
  expect(stored(ttl).fields).toContain(`Date: ${httpDate(now)}\r\n`);
});

test("the time an answer took counts as its age", () => {
  const times = { requestedAt: now - 8 * second, receivedAt: now };
  const decision = decideStore(asked(), answered([...ttl, "Age: 10"]), httpCachePolicy, times);
  expect(decision).toMatchObject({ store: true, answer: { bornAt: now - 18 * second } });
});

const staleRules: readonly (readonly [neverStale: boolean, cacheControl: string])[] = [
  [false, "max-age=60"],
  [false, "max-age=60, stale-while-revalidate=5"],
  [true, "max-age=60, must-revalidate"],
  [true, "max-age=60, proxy-revalidate"],
  [true, "max-age=60, must-revalidate, stale-if-error=5"],
  [true, "s-maxage=60"],
  [true, "s-maxage=60, stale-while-revalidate"],
  [false, "s-maxage=60, stale-while-revalidate=5"],
  [false, "s-maxage=60, stale-if-error=5"],
];

test.for(staleRules)("never served stale, %j: %s", ([neverStale, cacheControl]) => {
  expect(stored([`Cache-Control: ${cacheControl}`]).neverStale).toBe(neverStale);
});

test("tags are read from all Cache-Tag lines", () => {
  expect(stored([...ttl, "Cache-Tag: a, b", "cache-tag: c"]).tags).toEqual(["a", "b", "c"]);
});

const force: CachePolicy = { ...httpCachePolicy, mode: "force", ttlMs: 2 * second };

test("in mode force an answer that says nothing lives as long as the route says", () => {
  expect(stored([], 200, ask(), force).freshUntil - now).toBe(2 * second);
  expect(stored([modified], 200, ask(), force).freshUntil - now).toBe(2 * second);
  expect(stored(["Cache-Control: public"], 301, ask(), force).freshUntil - now).toBe(2 * second);
});

test("in mode force what an answer says of itself still counts", () => {
  expect(stored(ttl, 200, ask(), force).freshUntil - now).toBe(60 * second);
  for (const lines of [
    ["Cache-Control: private"],
    ["Cache-Control: no-store"],
    ["Cache-Control: no-cache"],
    ["Set-Cookie: a=b"],
    ["Vary: *"],
  ]) {
    expect(store(lines, 200, ask(), force)).toMatchObject({ store: false });
  }
  const credentials = ask("GET", "Authorization: Basic eA==");
  expect(store([], 200, credentials, force)).toMatchObject({ store: false });
});

test.for([403, 500, 502, 503])("in mode force %d is not stored", (status) => {
  expect(store([], status, ask(), force)).toMatchObject({ store: false });
});

test("errors that say nothing are stored where the route gives them a time, in either mode", () => {
  for (const mode of ["http", "force"] as const) {
    const policy: CachePolicy = { ...force, mode, negativeTtlMs: 7 * second };
    for (const status of [404, 405, 410, 501]) {
      expect(stored([], status, ask(), policy).freshUntil - now).toBe(7 * second);
      const quiet = { ...policy, negativeTtlMs: 0 };
      expect(store([], status, ask(), quiet)).toMatchObject({ store: false });
    }
  }
});

test("a route may forbid guessing", () => {
  const policy = { ...httpCachePolicy, maxHeuristicMs: 0 };
  expect(store([modified], 200, ask(), policy)).toMatchObject({ store: false });
  const short = { ...httpCachePolicy, maxHeuristicMs: hour };
  expect(stored(["Last-Modified: -9000000"], 200, ask(), short).freshUntil - now).toBe(hour);
});
