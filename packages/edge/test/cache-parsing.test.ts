/**
 * What a cache reads in the fields of an answer, through a real edge and app: what is no date, no
 * number or no list as the grammar has it makes nothing fresh that is not.
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

const date = "Date: +0";

const expires: readonly Scenario[] = [
  reused("the last second of 32 bits", "Expires: Tue, 19 Jan 2038 14:14:08 GMT", date),
  reused("the day in capitals", "Expires: THU, 18 Aug 2050 02:01:18 GMT", date),
  reused("the month in capitals", "Expires: Thu, 18 AUG 2050 02:01:18 GMT", date),
  reused("the zone in odd case", "Expires: Thu, 18 Aug 2050 02:01:18 gMT", date),
  refused("UTC", "Expires: Thu, 18 Aug 2050 02:01:18 UTC", date),
  refused("two digits of a year", "Expires: Thu, 18 Aug 50 02:01:18 GMT", date),
  refused("no comma", "Expires: Thu 18 Aug 2050 02:01:18 GMT", date),
  refused("two spaces", "Expires: Thu, 18  Aug  2050 02:01:18 GMT", date),
  refused("dashes", "Expires: Thu, 18-Aug-2050 02:01:18 GMT", date),
  refused("points in the time", "Expires: Thu, 18 Aug 2050 02.01.18 GMT", date),
  refused("one digit of an hour", "Expires: Thu, 18 Aug 2050 2:01:18 GMT", date),
  refused(
    "two lines of Expires",
    "Expires: Thu, 18 Aug 2050 02:01:18 GMT",
    "Expires: Thu, 18 Aug 2050 02:01:19 GMT",
    date,
  ),
];

const directives: readonly Scenario[] = [
  reused("the first of two max-age", "Cache-Control: max-age=1800, max-age=0"),
  reused("the first line of max-age", "Cache-Control: max-age=1800", "Cache-Control: max-age=0"),
  refused("the first of two, which is 0", "Cache-Control: max-age=0, max-age=1800"),
  reused("max-age at the end of 31 bits", "Cache-Control: max-age=2147483647"),
  reused("max-age just beyond 32 bits", "Cache-Control: max-age=4294967297"),
  refused("a negative max-age", "Cache-Control: max-age=-3600"),
  refused("a letter before the number", "Cache-Control: max-age=a3600"),
  refused("a decimal max-age", "Cache-Control: max-age=3600.5"),
  refused("max-age without a number", "Cache-Control: max-age"),
  refused("a short s-maxage first", "Cache-Control: s-maxage=0, max-age=3600"),
  reused("s-maxage over a past Expires", "Cache-Control: max-age=0, s-maxage=3600", "Expires: -10"),
  refused("the age a Date tells", "Cache-Control: max-age=3600", "Date: -7200"),
  refused("no-cache in odd case", "Cache-Control: max-age=3600, No-CaChE"),
];

const ages: readonly Scenario[] = [
  reused("a negative Age", ...fresh, date, "Age: -7200"),
  reused("a decimal Age", ...fresh, date, "Age: 7200.0"),
  reused("the first of two Ages, which is 0", ...fresh, date, "Age: 0, 7200"),
  reused("the first line of Age, which is 0", ...fresh, date, "Age: 0", "Age: 7200"),
  reused("0 twice", ...fresh, date, "Age: 0", "Age: 0"),
  refused("the first line of Age, which is old", ...fresh, date, old, "Age: 0"),
  refused("an old Age twice", ...fresh, date, "Age: 7200, 7200"),
];

const selecting: readonly Scenario[] = ["*, *", ", *", "*, Foo", "Foo, *", "Foo,*,Bar"].map(
  (value): Scenario => refused(`Vary: ${value}`, ...fresh, `Vary: ${value}`),
);

const targeted: readonly Scenario[] = [
  reused("CDN-Cache-Control beyond 31 bits", "CDN-Cache-Control: max-age=2147483648"),
  reused("it beyond everything", "CDN-Cache-Control: max-age=99999999999"),
  reused("it over an Expires that is no date", "CDN-Cache-Control: max-age=3600", "Expires: 0"),
  refused("a space before its =", "Cache-Control: max-age=0", "CDN-Cache-Control: max-age =3600"),
  refused("a space after its =", "Cache-Control: max-age=0", "CDN-Cache-Control: max-age= 3600"),
  refused("its names in odd case", "CDN-Cache-Control: MaX-aGe=3600"),
  [
    "Age, Date and Expires stay with it",
    {
      says: [
        "Cache-Control: max-age=1",
        "Expires: +1",
        "CDN-Cache-Control: max-age=10000",
        date,
        "Age: 30",
      ],
      from: "app",
      has: ["cdn-cache-control: max-age=10000"],
    },
    { from: "store", has: ["age: 3[0-9]", "date: +0", "expires: +1"] },
  ],
];

const conditions: readonly Scenario[] = [
  [
    "If-Modified-Since in RFC 850's form",
    { says: [...fresh, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], from: "app" },
    {
      asks: ["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"],
      from: "store",
      gets: 304,
      text: "",
    },
  ],
  [
    "If-Modified-Since before Last-Modified",
    { says: [...fresh, "Last-Modified: -1000"], from: "app" },
    { asks: ["If-Modified-Since: -2000"], from: "store" },
  ],
  [
    "If-None-Match with another tag",
    { says: [...fresh, etag], from: "app" },
    { asks: ['If-None-Match: "other"'], from: "store" },
  ],
  [
    "If-None-Match with *",
    { says: [...fresh, etag], from: "app" },
    { asks: ["If-None-Match: *"], from: "store", gets: 304, text: "" },
  ],
  [
    "If-Range of another version gets the whole",
    { says: [...fresh, etag], from: "app" },
    { asks: ["Range: bytes=0-1", 'If-Range: "other"'], from: "store" },
  ],
  [
    "If-Range of this version gets the part",
    { says: [...fresh, etag], from: "app" },
    { asks: ["Range: bytes=0-1", 'If-Range: "one"'], from: "store", gets: 206, text: "bo" },
  ],
];

const pragmas: readonly Scenario[] = [
  reused("a guess beside Pragma: no-cache", "Last-Modified: -86400", date, "Pragma: no-cache"),
  reused(
    "a guess of an attachment",
    "Last-Modified: -86400",
    date,
    "Content-Disposition: attachment; filename=a.txt",
  ),
];

const all = [
  ...expires,
  ...directives,
  ...ages,
  ...selecting,
  ...targeted,
  ...conditions,
  ...pragmas,
];

test("every scenario has its own name", () => {
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
});

test.for(all)("%s", async (scenario) => {
  await playScenario(cached, scenario, `/${all.indexOf(scenario)}`);
});
