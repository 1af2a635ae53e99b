/**
 * What is kept of an answer and what changes it later, through a real edge and app: its fields, a
 * 304, a HEAD, an unsafe method, an interim answer, an app that breaks off.
 */
import { eventually } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  etag,
  fresh,
  old,
  playScenario,
  refused,
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

/** Name, value, and the value a 304 brings. */
const endToEnd = [
  ["Test-Header", "1", "2"],
  ["X-Test-Header", "1", "2"],
  ["Content-Foo", "1", "2"],
  ["X-Content-Foo", "1", "2"],
  ["Content-Location", "/foo", "/bar"],
  ["Content-MD5", "rL0Y20zC+Fzt72VPzMSk2A==", "N7UdGUp1E+RbVvZSTy1R8g=="],
  ["Content-Security-Policy", "default-src 'self'", "default-src 'self' cdn.example.com"],
  ["Content-Type", "text/plain", "text/plain;charset=utf-8"],
  ["Clear-Site-Data", "cache", "cookies"],
  ["Expires", "Fri, 01 Jan 2038 01:01:01 GMT", "Mon, 11 Jan 2038 11:11:11 GMT"],
  ["Public-Key-Pins", "1", "2"],
  ["Set-Cookie2", "a=b", "a=c"],
  ["X-Frame-Options", "deny", "sameorigin"],
  ["X-XSS-Protection", "1", "1; mode=block"],
] as const;
const hopByHop = [
  "Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authentication-Info",
  "Proxy-Authorization",
  "Proxy-Connection",
  "TE",
  "Upgrade",
];

const fields: readonly Scenario[] = [
  ...endToEnd.map(
    ([name, value]): Scenario => [
      `${name} is kept`,
      { says: [...fresh, `${name}: ${value}`], from: "app" },
      { from: "store", has: [`${name}: ${value}`] },
    ],
  ),
  ...endToEnd.map(
    ([name, value, newer]): Scenario => [
      `${name} of a 304 takes the place of the kept one`,
      { says: ["Cache-Control: max-age=60", old, etag, `${name}: ${value}`], from: "app" },
      {
        says: [...fresh, etag, `${name}: ${newer}`],
        from: "validated",
        has: [`${name}: ${newer}`],
      },
      { from: "store", has: [`${name}: ${newer}`] },
    ],
  ),
  [
    "Content-Range and Content-Encoding of a 200 are kept, and no 304 changes them",
    {
      says: ["Cache-Control: max-age=60", old, etag, "Content-Range: x", "Content-Encoding: x"],
      from: "app",
    },
    {
      says: [...fresh, etag, "Content-Range: y", "Content-Encoding: y"],
      from: "validated",
      has: ["content-range: x", "content-encoding: x"],
    },
    { from: "store", has: ["content-range: x", "content-encoding: x"] },
  ],
  ...hopByHop.map(
    (name): Scenario => [
      `${name} is not kept`,
      { says: [...fresh, `${name}: x`], from: "app" },
      { from: "store", lacks: name === "Connection" ? ["x"] : [name.toLowerCase()] },
    ],
  ),
];

const interim: readonly Scenario[] = [
  [
    "a 102 is passed on, and not kept",
    { informs: "", says: fresh, from: "app", hears: ["HTTP/1.1 102 Processing"] },
    { from: "store", hears: [] },
  ],
  [
    "the fields of a 103 are passed on with it, and are none of the answer's",
    {
      informs: "link: </style.css>; rel=preload; as=style",
      says: fresh,
      from: "app",
      hears: [expect.stringMatching(/^HTTP\/1\.1 103 .*\r\nlink: <\/style\.css>/i)],
      lacks: ["link"],
    },
    { from: "store", hears: [], lacks: ["link"] },
  ],
];

const stale: readonly Scenario[] = [
  [
    "a cookie of a 304 is for whoever asked, and for nobody else",
    { says: ["Cache-Control: max-age=60", old, etag], from: "app" },
    { says: [...fresh, etag, "Set-Cookie: a=b"], from: "validated", has: ["set-cookie: a=b"] },
    { from: "store", lacks: ["set-cookie"] },
  ],
  refused("a long time past its end", "Cache-Control: max-age=60", old),
  [
    "a 304 without a lifetime gives the stored one again",
    { says: ["Cache-Control: max-age=60", old, etag, "A: 1"], from: "app" },
    { says: [etag], from: "validated", has: ["a: 1"] },
    { from: "store", has: ["a: 1"] },
  ],
  [
    "a stale answer is not given where the app breaks off and nobody has allowed it",
    { says: ["Cache-Control: max-age=60", old], from: "app" },
    { breaks: true, from: "any", gets: 502, text: "" },
  ],
];

const methods: readonly Scenario[] = ["POST", "PUT", "DELETE", "M-SEARCH", "PATCH"].map(
  (method): Scenario => [
    `${method} with a body makes what is stored invalid`,
    { says: [...fresh, "Last-Modified: +0"], from: "app" },
    { method, content: "abc", from: "app" },
    { says: fresh, from: "app" },
    { method, content: "abc", status: 500, gets: 500, from: "app" },
    { text: "body 2", from: "store" },
  ],
);

const heads: readonly Scenario[] = [
  [
    "HEAD lends its fields and lifetime to the answer it speaks of",
    { says: ["Cache-Control: max-age=60", old, etag, "A: 1", "B: 1"], from: "app" },
    { method: "HEAD", says: [...fresh, etag, "A: 2"], text: "", from: "app", has: ["a: 2"] },
    { text: "body 0", from: "store", has: ["a: 2", "b: 1", "content-length: 6"] },
  ],
  [
    "HEAD without a validator does so too",
    { says: [...fresh, "Age: 1000", "A: 1"], from: "app" },
    {
      method: "HEAD",
      asks: ["Cache-Control: max-age=10"],
      says: [...fresh, "A: 2"],
      text: "",
      from: "app",
    },
    { text: "body 0", from: "store", has: ["a: 2"] },
  ],
  [
    "HEAD of another version makes the stored one stale",
    { says: [...fresh, etag], from: "app" },
    {
      method: "HEAD",
      asks: ["Cache-Control: no-cache"],
      says: [...fresh, 'ETag: "two"'],
      text: "",
      from: "app",
    },
    { says: [...fresh, 'ETag: "two"'], text: "body 2", from: "asked" },
  ],
  [
    "HEAD of another length makes it stale",
    { says: [...fresh, etag], from: "app" },
    {
      method: "HEAD",
      asks: ["Cache-Control: no-cache"],
      says: [...fresh, etag, "Content-Length: 7"],
      text: "",
      from: "app",
    },
    { says: [...fresh, etag], text: "body 0", from: "validated" },
  ],
  [
    "HEAD of another date makes it stale",
    { says: [...fresh, "Last-Modified: -5000"], from: "app" },
    {
      method: "HEAD",
      asks: ["Cache-Control: no-cache"],
      says: [...fresh, "Last-Modified: -10"],
      text: "",
      from: "app",
    },
    { text: "body 2", from: "asked" },
  ],
  [
    "HEAD that says no-store makes it stale",
    { says: [...fresh, etag], from: "app" },
    {
      method: "HEAD",
      asks: ["Cache-Control: no-cache"],
      says: ["Cache-Control: no-store", etag],
      text: "",
      from: "app",
    },
    { text: "body 0", from: "validated", says: [etag] },
  ],
  [
    "HEAD with a condition is answered by the app",
    { says: ["Cache-Control: max-age=60", old, etag], from: "app" },
    { method: "HEAD", asks: ['If-None-Match: "one"'], from: "validated", gets: 304, text: "" },
  ],
  [
    "HEAD that fails changes nothing",
    { says: [...fresh, etag, "A: 1"], from: "app" },
    {
      method: "HEAD",
      asks: ["Cache-Control: no-cache"],
      status: 410,
      gets: 410,
      says: [...fresh, "A: 2"],
      text: "",
      from: "app",
    },
    { text: "body 0", from: "store", has: ["a: 1"] },
  ],
  [
    "HEAD changes the variant it would have got, and no other",
    {
      asks: ["Foo: 1"],
      says: [...fresh, "Age: 1000", "Vary: Foo", "A: 1"],
      body: "first",
      text: "first",
      from: "app",
    },
    {
      asks: ["Foo: 2"],
      says: [...fresh, "Vary: Foo", "A: 1"],
      body: "other",
      text: "other",
      from: "app",
    },
    {
      method: "HEAD",
      asks: ["Foo: 1", "Cache-Control: max-age=10"],
      says: [...fresh, "Vary: Foo", "A: 2"],
      text: "",
      from: "app",
    },
    { asks: ["Foo: 1"], text: "first", from: "store", has: ["a: 2"] },
    { asks: ["Foo: 2"], text: "other", from: "store", has: ["a: 1"] },
  ],
];

const all = [...fields, ...interim, ...stale, ...methods, ...heads];

test("every scenario has its own name", () => {
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
});

test.for(all)("%s", async (scenario) => {
  await playScenario(cached, scenario, `/${all.indexOf(scenario)}`);
});

test("Location and Content-Location of an unsafe method are let go of", async () => {
  cached.on("/unsafe/do", (request, response) => {
    if (request.method === "GET") response.writeHead(200).end();
    else response.writeHead(200, { Location: "made", "Content-Location": "changed" }).end();
  });
  for (const path of ["/unsafe/made", "/unsafe/changed", "/unsafe/other"]) {
    cached.on(path, (_request, response) => {
      response.writeHead(200, { "Cache-Control": "max-age=100000" }).end(path);
    });
    await cached.get(path);
  }
  await cached.get("/unsafe/do", {}, "POST");
  for (const path of ["/unsafe/made", "/unsafe/changed", "/unsafe/other"]) await cached.get(path);
  expect(cached.count("/unsafe/made")).toBe(2);
  expect(cached.count("/unsafe/changed")).toBe(2);
  expect(cached.count("/unsafe/other")).toBe(1);
});

test("what came while the old was given counts from then on", async () => {
  const said = [
    { "Cache-Control": "max-age=60, stale-while-revalidate=9999", Age: "100", ETag: '"abc"' },
    { "Cache-Control": "no-cache", ETag: '"def"' },
    { "Cache-Control": "no-cache", ETag: '"ghi"' },
  ];
  cached.on("/window", (_request, response) => {
    const times = cached.count("/window");
    response.writeHead(200, said[times - 1]).end(`body ${times}`);
  });
  expect((await cached.get("/window")).text).toBe("body 1");
  expect((await cached.get("/window")).text).toBe("body 1");
  await eventually("the refresh", () => cached.count("/window") === 2);
  await eventually("another", async () => (await cached.get("/window")).text !== "body 1");
  expect(cached.count("/window")).toBe(3);
});

test("an app that breaks off many times is still asked for other pages", async () => {
  cached.on("/breaks", (_request, response) => response.destroy());
  cached.on("/works", (_request, response) => response.writeHead(200).end("works"));
  for (let times = 0; times < 20; times += 1) {
    expect((await cached.get(`/breaks?${times}`)).status).toBe(502);
    expect((await cached.get("/works")).text).toBe("works");
  }
});

test("answers with a cookie are given to others only where the route says so", async () => {
  await using told = await startCached({ cache: { storeSetCookie: true } });
  told.on("/cookie", (_request, response) => {
    response.writeHead(200, { ...{ "Cache-Control": "max-age=60" }, "Set-Cookie": "a=b" }).end();
  });
  await told.get("/cookie");
  expect((await told.get("/cookie")).headers["set-cookie"]).toEqual(["a=b"]);
  expect(told.count("/cookie")).toBe(1);
});
