/**
 * RFC 9111 and its neighbours through a real edge and app: one scenario per behaviour, a step per
 * request. The rules themselves are tables of the policy; here it is shown that nothing on the way
 * (parsing, forwarding, storing, writing) bends them. No step waits: an answer that is to be old
 * comes with an Age.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  etag,
  fresh,
  old,
  playScenario,
  refused,
  reused,
  type Scenario,
} from "./fixtures/cache-scenario.ts";
import { type CachedEdge, startCached } from "./fixtures/cached.ts";

let cached: CachedEdge;

beforeAll(async () => {
  cached = await startCached();
});

afterAll(async () => {
  await cached[Symbol.asyncDispose]();
});

const freshness: readonly Scenario[] = [
  refused("nothing said"),
  reused("max-age", "Cache-Control: max-age=3600"),
  reused("max-age in odd case", "Cache-Control: MaX-aGe=3600"),
  reused("max-age with leading zeros", "Cache-Control: max-age=003600"),
  reused("max-age beyond 31 bits", "Cache-Control: max-age=2147483648"),
  reused("max-age beyond everything", "Cache-Control: max-age=99999999999"),
  reused("max-age in quotes", 'Cache-Control: max-age="3600"'),
  reused("max-age with an extension", "Cache-Control: foobar, max-age=3600"),
  reused("max-age and a past Expires", "Cache-Control: max-age=3600", "Expires: -10000"),
  reused("max-age and Expires: 0", "Cache-Control: max-age=3600", "Expires: 0"),
  reused("s-maxage", "Cache-Control: s-maxage=3600"),
  reused("s-maxage beside a max-age of 0", "Cache-Control: max-age=0, s-maxage=3600"),
  reused("must-revalidate while fresh", "Cache-Control: max-age=3600, must-revalidate", etag),
  refused("max-age=0", "Cache-Control: max-age=0"),
  refused("max-age=0 and a future Expires", "Cache-Control: max-age=0", "Expires: +3600"),
  refused("max-age less than Age", "Cache-Control: max-age=3600", old, "Date: +0"),
  refused("max-age in single quotes", "Cache-Control: max-age='3600'"),
  refused("max-age with a letter", "Cache-Control: max-age=3600a"),
  refused("max-age with a space before", "Cache-Control: max-age =3600"),
  refused("max-age with a space after", "Cache-Control: max-age= 3600"),
  refused("max-age within quotes of another", 'Cache-Control: x="max-age=3600", max-age=0'),
  refused("max-age with another's quotes after", 'Cache-Control: max-age=0, x="max-age=3600"'),
  refused("s-maxage=0 beside a long max-age", "Cache-Control: max-age=3600, s-maxage=0"),
  refused("the same on two lines", "Cache-Control: max-age=3600", "Cache-Control: s-maxage=0"),
  reused("a future Expires", "Expires: +3600", "Date: +0"),
  reused("Expires without a Date that can be read", "Expires: +3600", "Date: foo"),
  reused("Expires in RFC 850's form", "Expires: Thursday, 18-Aug-50 02:01:18 GMT"),
  reused("Expires in asctime's form", "Expires: Thu Aug  8 02:01:18 2050"),
  reused("Expires with odd case", "Expires: THU, 18 AUG 2050 02:01:18 gMT"),
  reused("Expires beyond 32 bits", "Expires: Sun, 21 Nov 2286 04:46:39 GMT"),
  refused("a past Expires", "Expires: -3600", "Date: +0"),
  refused("Expires now", "Expires: +0", "Date: +0"),
  refused("Expires before Date, both fast", "Expires: +300", "Date: +400"),
  refused("Expires less than Age, Date slow", "Date: -10", "Expires: +10", "Age: 25"),
  refused("Expires less than Age, Date fast", "Date: +10", "Expires: +20", "Age: 15"),
  refused("Expires: 0", "Expires: 0"),
  refused("Expires of another zone", "Expires: Thu, 18 Aug 2050 02:01:18 AEST"),
  refused("Expires twice", "Expires: +3600", "Expires: +3601"),
  reused("a guess by Last-Modified", "Last-Modified: -86400", "Date: +0"),
  reused("Age that is no number", "Cache-Control: max-age=3600", "Age: abc"),
  refused("Age with a suffix", "Cache-Control: max-age=3600", "Age: 7200, 0"),
];

const targeted: readonly Scenario[] = [
  reused("CDN-Cache-Control", "CDN-Cache-Control: max-age=3600"),
  reused("it over a short max-age", "Cache-Control: max-age=0", "CDN-Cache-Control: max-age=3600"),
  reused("it over no-store", "Cache-Control: no-store", "CDN-Cache-Control: max-age=3600"),
  reused("it with an extension", "CDN-Cache-Control: foobar, max-age=3600"),
  reused("it over Expires", "CDN-Cache-Control: max-age=3600", "Expires: 0"),
  refused(
    "its max-age of 0 over a future Expires",
    "CDN-Cache-Control: max-age=0",
    "Expires: +3600",
  ),
  refused("its max-age less than Age", "CDN-Cache-Control: max-age=3600", old, "Date: +0"),
  refused("its max-age of 0", "CDN-Cache-Control: max-age=0", ...fresh),
  refused("its private", "CDN-Cache-Control: private", ...fresh),
  refused("its no-cache", "CDN-Cache-Control: no-cache", ...fresh),
  refused("its no-store", "CDN-Cache-Control: no-store", ...fresh),
  refused("it with a mistake", "CDN-Cache-Control: max-age=3600, &&&&&", "Cache-Control: no-store"),
  refused("it as a string", 'CDN-Cache-Control: max-age="3600"', "Cache-Control: no-store"),
];

const responses: readonly Scenario[] = [
  refused("no-store", "Cache-Control: No-StOrE, max-age=3600", "Expires: +3600"),
  refused("private", "Cache-Control: private, max-age=3600"),
  refused("no-cache", "Cache-Control: no-cache, max-age=3600", "Expires: +3600"),
  refused("Vary: *", ...fresh, "Vary: *"),
  refused("Vary: Foo, *", ...fresh, "Vary: Foo, *"),
  refused("Vary with * on a second line", ...fresh, "Vary: Foo", "Vary: *"),
  refused("Set-Cookie", ...fresh, "Set-Cookie: a=b"),
  [
    "no-cache is stored, and validated at each use",
    { says: ["Cache-Control: no-cache, max-age=3600", etag], from: "app" },
    { from: "validated" },
    { from: "validated" },
  ],
  [
    "a newer answer that may not be stored leaves the older",
    { says: fresh, from: "app" },
    { asks: ["Cache-Control: no-cache"], says: ["Cache-Control: no-store"], from: "app" },
    { text: "body 0", from: "store" },
  ],
  [
    "fields of no-cache= are left out",
    { says: ['Cache-Control: max-age=3600, no-cache="a, b"', "a: 1", "b: 2", "c: 3"], from: "app" },
    { from: "store", has: ["c: 3"], lacks: ["a", "b"] },
  ],
  [
    "fields of Connection are left out",
    { says: [...fresh, "Connection: a, b", "a: 1", "b: 2", "c: 3"], from: "app" },
    { from: "store", has: ["c: 3"], lacks: ["a", "b"] },
  ],
  [
    "fields of a proxy are left out",
    {
      says: [
        ...fresh,
        "Proxy-Authenticate: x",
        "Proxy-Authentication-Info: x",
        "Proxy-Authorization: x",
        "Proxy-Connection: x",
        "Keep-Alive: timeout=1",
        "TE: x",
        "Upgrade: x",
      ],
      from: "app",
    },
    {
      from: "store",
      lacks: [
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "keep-alive",
        "te",
        "upgrade",
      ],
    },
  ],
  [
    "any other field is stored as it came",
    {
      says: [
        ...fresh,
        "Content-Type: text/plain;charset=utf-8",
        "Content-Encoding: unheard-of",
        "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A==",
        "Content-Security-Policy: default-src 'self'",
        "Clear-Site-Data: cache",
        "Set-Cookie2: a=b",
        "X-XSS-Protection: 1; mode=block",
        "X-Text: \xe9",
      ],
      from: "app",
    },
    {
      from: "store",
      has: [
        "content-type: text/plain;charset=utf-8",
        "content-encoding: unheard-of",
        "content-md5: rL0Y20zC+Fzt72VPzMSk2A==",
        "content-security-policy: default-src 'self'",
        "clear-site-data: cache",
        "set-cookie2: a=b",
        "x-xss-protection: 1; mode=block",
        "x-text: \xe9",
      ],
    },
  ],
  [
    "bytes beyond Content-Length are not stored, and no 304 changes it",
    {
      says: ["Cache-Control: max-age=60", old, etag, "Content-Length: 5"],
      body: "0123456789",
      text: "01234",
      from: "app",
    },
    { says: [...fresh, etag, "Content-Length: 9"], text: "01234", from: "validated" },
    { text: "01234", from: "store", has: ["content-length: 5"] },
  ],
  [
    "Age counts on, Date and Expires stay",
    { says: ["Expires: +90000", "Date: -5", "Age: 3000"], from: "app" },
    { from: "store", has: ["age: 3[0-9]{3}", "date: -5", "expires: +90000"] },
  ],
];

const statuses: readonly Scenario[] = [
  ...[203, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599].flatMap(
    (status): Scenario[] => [
      [
        `${status} is reused while fresh`,
        { status, gets: status, says: fresh, from: "app" },
        { gets: status, from: "store" },
      ],
      [
        `${status} is not reused when stale`,
        { status, gets: status, says: ["Expires: -50", "Last-Modified: -1000"], from: "app" },
        { status, gets: status, text: "body 1", from: "asked" },
      ],
    ],
  ),
  ...[203, 404, 405, 410, 414, 501].map(
    (status): Scenario => [
      `the freshness of ${status} is guessed`,
      { status, gets: status, says: ["Last-Modified: -86400"], from: "app" },
      { gets: status, from: "store" },
    ],
  ),
  ...[201, 202, 403, 502, 503, 504, 599].map(
    (status): Scenario => [
      `the freshness of ${status} is not guessed`,
      { status, gets: status, says: ["Last-Modified: -86400"], from: "app" },
      { status, gets: status, from: "app" },
    ],
  ),
  [
    "204 is reused",
    { status: 204, gets: 204, says: fresh, body: "", text: "", from: "app" },
    { gets: 204, text: "", from: "store" },
  ],
  [
    "must-understand with a known status",
    { says: ["Cache-Control: max-age=3600, no-store, must-understand"], from: "app" },
    { from: "store" },
  ],
  [
    "must-understand with an unknown status",
    {
      status: 599,
      gets: 599,
      says: ["Cache-Control: max-age=3600, no-store, must-understand"],
      from: "app",
    },
    { status: 599, gets: 599, from: "app" },
  ],
  [
    "the guess for an unknown status that is public",
    {
      status: 599,
      gets: 599,
      says: ["Last-Modified: -86400", "Cache-Control: public"],
      from: "app",
    },
    { gets: 599, from: "store" },
  ],
];

const requests: readonly Scenario[] = [
  ...["no-cache", "no-store", "max-age=0", "min-fresh=7200"].map(
    (directive): Scenario => [
      `a request with ${directive}`,
      { says: fresh, from: "app" },
      { asks: [`Cache-Control: ${directive}`], says: fresh, from: "app" },
    ],
  ),
  [
    "max-age less than the age",
    { says: [...fresh, "Age: 1800"], from: "app" },
    { asks: ["Cache-Control: max-age=600"], from: "app" },
  ],
  [
    "min-fresh more than is left",
    { says: [...fresh, "Age: 1800"], from: "app" },
    { asks: ["Cache-Control: min-fresh=2000"], from: "app" },
  ],
  [
    "max-stale takes a stale answer",
    { says: ["Cache-Control: max-age=1500", "Age: 2000", etag], from: "app" },
    { asks: ["Cache-Control: max-stale=1000"], from: "store" },
  ],
  [
    "only-if-cached, and nothing is",
    { asks: ["Cache-Control: only-if-cached"], from: "any", gets: 504 },
  ],
  [
    "only-if-cached, and something is",
    { says: fresh, from: "app" },
    { asks: ["Cache-Control: only-if-cached"], from: "store" },
  ],
  [
    "Pragma: no-cache",
    { says: fresh, from: "app" },
    { asks: ["Pragma: no-cache"], says: fresh, from: "app" },
  ],
  ["another Pragma", { says: fresh, from: "app" }, { asks: ["Pragma: foo"], from: "store" }],
  ["Pragma of an answer", { says: [...fresh, "Pragma: no-cache"], from: "app" }, { from: "store" }],
  [
    "a request with a cookie",
    { says: fresh, from: "app" },
    { asks: ["Cookie: a=b"], from: "store" },
  ],
  [
    "no-cache validates by ETag",
    { says: [...fresh, etag], from: "app" },
    { asks: ["Cache-Control: no-cache"], from: "validated" },
  ],
  [
    "no-cache validates by Last-Modified",
    { says: [...fresh, "Last-Modified: -10000"], from: "app" },
    { asks: ["Cache-Control: no-cache"], from: "validated" },
  ],
  [
    "an answer to credentials",
    { asks: ["Authorization: FOO"], says: fresh, from: "app" },
    { says: fresh, from: "app" },
  ],
  ...["public, max-age=3600", "must-revalidate, max-age=3600", "s-maxage=3600"].map(
    (directives): Scenario => [
      `an answer to credentials with ${directives}`,
      { asks: ["Authorization: FOO"], says: [`Cache-Control: ${directives}`], from: "app" },
      { from: "store" },
    ],
  ),
  ["another query", { query: "a=1", says: fresh, from: "app" }, { query: "a=2", from: "app" }],
  ["the same query", { query: "a=1", says: fresh, from: "app" }, { query: "a=1", from: "store" }],
];

const conditional: readonly Scenario[] = [
  ...[
    ['ETag: "one"', 'If-None-Match: "one"'],
    ['ETag: W/"one"', 'If-None-Match: W/"one"'],
    ['ETag: "one"', 'If-None-Match: "one", "two"'],
    ['ETag: "one"', 'If-None-Match: "two", "one", "three"'],
    ['ETag: "\xfc"', 'If-None-Match: "\xfc"'],
    ["Last-Modified: -3000", "If-Modified-Since: -3000"],
    ["Last-Modified: -3000", "If-Modified-Since: -2000"],
  ].map(
    ([validator = "", condition = ""]): Scenario => [
      `${validator}, then ${condition}`,
      { says: [...fresh, validator], from: "app" },
      { asks: [condition], from: "store", gets: 304, text: "", has: [validator] },
    ],
  ),
  [
    "If-None-Match counts before If-Modified-Since",
    { says: [...fresh, etag, "Last-Modified: -5000"], from: "app" },
    {
      asks: ['If-None-Match: "one"', "If-Modified-Since: -9000"],
      from: "store",
      gets: 304,
      text: "",
    },
  ],
  [
    "a stale answer is validated for a client that has it",
    { says: ["Cache-Control: max-age=60", old, "Last-Modified: -9000"], from: "app" },
    { asks: ["If-Modified-Since: -9000"], from: "validated", gets: 304, text: "" },
  ],
  [
    "a stale weak ETag is validated",
    { says: ["Cache-Control: max-age=60", old, 'ETag: W/"one"'], from: "app" },
    { from: "validated" },
  ],
  [
    "must-revalidate is validated when stale",
    { says: ["Cache-Control: max-age=60, must-revalidate", old, etag], from: "app" },
    { from: "validated" },
  ],
  [
    "a variant is validated with what selects it",
    { asks: ["Abc: 1"], says: ["Cache-Control: max-age=60", old, etag, "Vary: Abc"], from: "app" },
    { asks: ["Abc: 1"], from: "validated" },
  ],
  [
    "another variant is not validated by this one's ETag",
    { asks: ["Abc: 1"], says: ["Cache-Control: max-age=60", old, etag, "Vary: Abc"], from: "app" },
    { asks: ["Abc: 2"], from: "app" },
  ],
  [
    "a 304 brings fields, and leaves those it does not name",
    {
      says: ["Cache-Control: max-age=60", old, etag, "A: 1", "B: 1", "Content-Encoding: x"],
      from: "app",
    },
    {
      says: [
        "Cache-Control: max-age=3600",
        etag,
        "A: 2",
        "Content-Encoding: y",
        "Content-Type: text/x",
      ],
      from: "validated",
      has: ["a: 2", "b: 1", "content-encoding: x", "content-type: text/x", "content-length: 6"],
    },
    { from: "store", has: ["a: 2", "b: 1", "content-encoding: x", "content-type: text/x"] },
  ],
  [
    "a 304 brings Expires",
    { says: ["Expires: +60", "Age: 90", "Date: +0", etag], from: "app" },
    { says: ["Expires: +3600", "Date: +0", etag], from: "validated" },
    { from: "store", has: ["expires: +3600"] },
  ],
];

const vary = [...fresh, "Vary: Foo"];
const varying: readonly Scenario[] = [
  [
    "the same value",
    { asks: ["Foo: 1"], says: vary, from: "app" },
    { asks: ["Foo: 1", "Other: 2"], from: "store" },
  ],
  [
    "another value",
    { asks: ["Foo: 1"], says: vary, from: "app" },
    { asks: ["Foo: 2"], from: "app" },
  ],
  ["none, then one", { says: vary, from: "app" }, { asks: ["Foo: 1"], from: "app" }],
  ["one, then none", { asks: ["Foo: 1"], says: vary, from: "app" }, { from: "app" }],
  [
    "two values side by side",
    { asks: ["Foo: 1"], says: vary, body: "first", text: "first", from: "app" },
    { asks: ["Foo: 2"], says: vary, body: "other", text: "other", from: "app" },
    { asks: ["Foo: 1"], text: "first", from: "store" },
    { asks: ["Foo: 2"], text: "other", from: "store" },
  ],
  [
    "three fields, in any order, one of them missing in both",
    { asks: ["Foo: 1", "Baz: 3"], says: [...fresh, "Vary: Foo, Bar, Baz"], from: "app" },
    { asks: ["Baz: 3", "Foo: 1"], from: "store" },
    { asks: ["Foo: 1", "Baz: 4"], from: "app" },
  ],
  [
    "lines joined",
    { asks: ["Foo: 1, 2"], says: vary, from: "app" },
    { asks: ["Foo: 1", "Foo: 2"], from: "store" },
  ],
  [
    "white space",
    { asks: ["Foo: 1,2"], says: vary, from: "app" },
    { asks: ["Foo:  1, 2 "], from: "store" },
  ],
  [
    "languages by what they mean",
    { asks: ["Accept-Language: en, de"], says: [...fresh, "Vary: Accept-Language"], from: "app" },
    { asks: ["Accept-Language:  DE ,   en"], from: "store" },
  ],
];

const stale: readonly Scenario[] = [
  [
    "stale-while-revalidate",
    { says: ["Cache-Control: max-age=60, stale-while-revalidate=9999", old, etag], from: "app" },
    { from: "any", text: "body 0" },
  ],
  [
    "past the window of stale-while-revalidate",
    { says: ["Cache-Control: max-age=60, stale-while-revalidate=60", old, etag], from: "app" },
    { from: "validated" },
  ],
  [
    "stale-if-error, and the app breaks off",
    { says: ["Cache-Control: max-age=60, stale-if-error=9999", old, etag], from: "app" },
    { breaks: true, from: "any", text: "body 0" },
  ],
  [
    "stale-if-error, and the app says 503",
    { says: ["Cache-Control: max-age=60, stale-if-error=9999", old, etag], from: "app" },
    { status: 503, from: "any", text: "body 0" },
  ],
  ...["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"].map(
    (directive): Scenario => [
      `never stale with ${directive}`,
      { says: [`Cache-Control: max-age=60, ${directive}`, old, etag], from: "app" },
      { breaks: true, from: "any", gets: 502, text: "" },
    ],
  ),
];

const parts: readonly Scenario[] = [
  ...[
    ["bytes=0-1", "01"],
    ["bytes=1-", "123456789A"],
    ["bytes=-1", "A"],
  ].map(
    ([range = "", text = ""]): Scenario => [
      `a stored whole, then ${range}`,
      { says: [...fresh, "A: 1"], body: "0123456789A", text: "0123456789A", from: "app" },
      { asks: [`Range: ${range}`], from: "store", gets: 206, text, has: ["a: 1"] },
    ],
  ),
  [
    "a part is not the whole",
    {
      asks: ["Range: bytes=0-1"],
      status: 206,
      says: [...fresh, "Content-Range: bytes 0-1/9"],
      body: "01",
      text: "01",
      gets: 206,
      from: "app",
    },
    { says: fresh, from: "app" },
    { from: "store" },
  ],
  [
    "a part that nobody asked for is not the whole either",
    {
      status: 206,
      says: [...fresh, "Content-Range: bytes 0-1/9"],
      body: "01",
      text: "01",
      gets: 206,
      from: "app",
    },
    { from: "app" },
  ],
];

const methods: readonly Scenario[] = [
  [
    "HEAD is answered from GET",
    { says: fresh, from: "app" },
    { method: "HEAD", text: "", from: "store" },
  ],
  ["HEAD fills nothing", { method: "HEAD", says: fresh, text: "", from: "app" }, { from: "app" }],
  [
    "a stale HEAD is asked for as HEAD",
    { says: ["Cache-Control: max-age=60", old, etag], from: "app" },
    { method: "HEAD", says: fresh, text: "", from: "app" },
  ],
  ...["POST", "PUT", "DELETE", "M-SEARCH"].flatMap((method): Scenario[] => [
    [
      `${method} makes what is stored invalid`,
      { says: fresh, from: "app" },
      { method, from: "app" },
      { from: "app" },
    ],
    [
      `${method} that fails leaves it`,
      { says: fresh, from: "app" },
      { method, status: 500, gets: 500, from: "app" },
      { text: "body 0", from: "store" },
    ],
  ]),
];

const all = [
  ...freshness,
  ...targeted,
  ...responses,
  ...statuses,
  ...requests,
  ...conditional,
  ...varying,
  ...stale,
  ...parts,
  ...methods,
];

test("every scenario has its own name", () => {
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
});

test.for(all)("%s", async (scenario) => {
  await playScenario(cached, scenario, `/${all.indexOf(scenario)}`);
});
