import { setFlagsFromString } from "node:v8";
import type { RouteConditions, RoutePlan } from "@stack/config";
import { createRequestHead, parseRequestHead } from "@stack/protocols";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parameterOf } from "./route-conditions.ts";
import { buildRouteTable, decideRoute } from "./route-table.ts";

setFlagsFromString("--enable-experimental-regexp-engine");

const limits = { headerBytes: 32_768, headerCount: 100 };
const none: RouteConditions = { methods: [], headers: [], query: [], cookies: [], clients: [] };

function route(
  name: string,
  path: string | RegExp,
  conditions?: Partial<RouteConditions>,
  host: string | null = null,
): RoutePlan {
  const common = {
    host,
    stripPrefix: false,
    action: { kind: "app" as const, app: name },
    source: "deploy.config.ts:1",
    ...(conditions === undefined ? {} : { conditions: { ...none, ...conditions } }),
  };
  if (typeof path !== "string") {
    const known = /^\^((?:\\?\/[a-z]+)*)\\?\//.exec(path.source)?.[1] ?? "";
    const pattern = { source: path.source, written: String(path) };
    return { ...common, path: known.replaceAll("\\", "") || "/", match: "pattern", pattern };
  }
  const isPrefix = path.endsWith("/*");
  return {
    ...common,
    path: isPrefix ? path.slice(0, -2) || "/" : path,
    match: isPrefix ? "prefix" : "exact",
  };
}

const routes = [
  route("all", "/*"),
  route("posts", "/*", { methods: ["POST"] }),
  route("beta", "/*", { headers: [["x-beta", "1"]] }),
  route("beta-posts", "/*", { methods: ["POST"], headers: [["x-beta", "1"]] }),
  route("any-beta", "/b/*", { headers: [["x-beta", true]] }),
  route("one-beta", "/b/*", { headers: [["x-beta", "1"]] }),
  route("cookied", "/c", { cookies: [["who", "me"]] }),
  route("asked", "/c", { query: [["v", "2"]] }),
  route("office", "/o/*", { clients: ["10.0.0.0/8"] }),
  route("desk", "/o/*", { clients: ["10.1.0.0/16"] }),
  route("others", "/o/*", { clients: [], headers: [["x-none", false]] }),
  route("numbers", /^\/v(\d+)\//),
  route("images", /\.png$/),
  route("files", "/files/*"),
  route("files-old", /^\/files\/old-/),
  route("below", "/*", undefined, "*.wild.test"),
  route("deep", "/*", undefined, "*.deep.wild.test"),
  route("own", "/own", undefined, "a.wild.test"),
];

/** Networks of a test: what begins alike. */
const networks = (ranges: readonly string[]) => (address: string) =>
  ranges.some((range) => address.startsWith(range.replace(/(\.0)+\/\d+$/, ".")));

const cases: readonly (readonly [request: string, expected: string, client?: string])[] = [
  ["GET /", "all"],
  ["POST /", "posts"],
  ["GET /\nX-Beta: 1", "beta"],
  ["GET /\nX-Beta: 2", "all"],
  ["POST /\nX-Beta: 1", "beta-posts"],
  ["GET /b/x\nx-beta: 7", "any-beta"],
  ["GET /b/x\nx-beta: 1", "one-beta"],
  ["GET /b/x", "all"],
  ["GET /c\nCookie: a=b; who=me", "cookied"],
  ["GET /c\nCookie: notwho=me; who=you", "all"],
  ["GET /c?x=1&v=2", "asked"],
  ["GET /c?v=2\nCookie: who=me", "cookied"],
  ["GET /c?v=22", "all"],
  ["GET /o/1", "desk", "10.1.2.3"],
  ["GET /o/1", "office", "10.2.2.3"],
  ["GET /o/1", "others", "192.0.2.1"],
  ["GET /o/1\nX-None: 1", "all", "192.0.2.1"],
  ["GET /v12/x", "numbers"],
  ["GET /vx/x", "all"],
  ["GET /a/b.png", "images"],
  ["GET /files/b.png", "files"],
  ["GET /files/old-b.png", "files-old"],
  ["GET /v1/b.png", "numbers"],
  ["GET /\nHost: a.wild.test", "below"],
  ["GET /own\nHost: a.wild.test", "own"],
  ["GET /\nHost: x.deep.wild.test", "deep"],
  ["GET /\nHost: deep.wild.test", "below"],
  ["GET /\nHost: wild.test", "all"],
];

function decide(table: ReturnType<typeof buildRouteTable>, written: string, client = "") {
  const [first = "", ...fields] = written.split("\n");
  if (!fields.some((field) => field.startsWith("Host"))) fields.unshift("Host: any.test");
  const text = `${[`${first} HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n`;
  const head = createRequestHead();
  expect(parseRequestHead(text, 0, text.length, limits, head)).toBe(0);
  return decideRoute(table, head.host, head.path, head, client)?.action;
}

test.for(cases)("%s is answered by %s", ([request, expected, client]) => {
  expect(decide(buildRouteTable(routes, networks), request, client)).toEqual({
    kind: "app",
    app: expected,
  });
});

test("the order in the config does not matter", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(routes, { minLength: routes.length }),
      fc.constantFrom(...cases),
      (shuffled, [request, expected, client]) => {
        expect(decide(buildRouteTable(shuffled, networks), request, client)).toEqual({
          kind: "app",
          app: expected,
        });
      },
    ),
  );
});

test("a hostile path costs no more than it is long", () => {
  const table = buildRouteTable([route("slow", /^\/(a+)+$/), route("all", "/*")]);
  const before = process.cpuUsage();
  for (let round = 0; round < 100; round += 1) {
    expect(decideRoute(table, "", `/${"a".repeat(2_000)}!`)?.action).toMatchObject({ app: "all" });
  }
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(5_000); // backtracking: centuries
});

test.for([
  ["a=1&b=2", "b", "&", "2"],
  ["a=1&b", "b", "&", ""],
  ["ab=1&b=", "b", "&", ""],
  ["ab=1", "b", "&", undefined],
  ["a=1; b=2 ; c", "b", ";", "2"],
  ["", "b", ";", undefined],
] as const)("of %j the value of %s", ([text, name, separator, expected]) => {
  expect(parameterOf(text, name, separator)).toBe(expected);
});
