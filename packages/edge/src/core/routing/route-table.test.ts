import type { RoutePlan } from "@stack/config";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buildRouteTable, decideRoute } from "./route-table.ts";

/** "old.test/x/*" as the config would write it: a host before the first slash, a star for a prefix. */
function route(pattern: string, stripPrefix = false): RoutePlan {
  const slash = pattern.indexOf("/");
  const path = pattern.slice(slash);
  const isPrefix = path.endsWith("/*");
  return {
    host: slash === 0 ? null : pattern.slice(0, slash),
    path: isPrefix ? path.slice(0, -2) || "/" : path,
    match: isPrefix ? "prefix" : "exact",
    stripPrefix,
    action: { kind: "app", app: pattern },
    source: "deploy.config.ts:1",
  };
}

const patterns = [
  "/*",
  "/x",
  "/x/*",
  "/x/y/*",
  "/x/y/z",
  "/only-exact",
  "/slash/",
  "/api/*",
  "old.test/*",
  "old.test/x",
  "partial.test/p/*",
];

const cases: readonly (readonly [host: string, path: string, expected: string])[] = [
  ["", "/", "/*"],
  ["a.test", "/nothing/here", "/*"],
  ["a.test", "/x", "/x"],
  ["a.test", "/x/", "/x/*"],
  ["a.test", "/x/1", "/x/*"],
  ["a.test", "/xy", "/*"],
  ["a.test", "/x/y", "/x/y/*"],
  ["a.test", "/x/y/", "/x/y/*"],
  ["a.test", "/x/yy", "/x/*"],
  ["a.test", "/x/y/z", "/x/y/z"],
  ["a.test", "/x/y/z/deeper/than/any", "/x/y/*"],
  ["a.test", "/only-exact", "/only-exact"],
  ["a.test", "/only-exact/", "/*"],
  ["a.test", "/slash/", "/slash/"],
  ["a.test", "/slash", "/*"],
  ["a.test", "/api", "/api/*"],
  ["old.test", "/", "old.test/*"],
  ["old.test", "/x", "old.test/x"],
  ["old.test", "/x/y/z", "old.test/*"],
  ["partial.test", "/p/1", "partial.test/p/*"],
  ["partial.test", "/x/1", "/x/*"],
];

test.for(cases)('host "%s" path "%s" is answered by %s', ([host, path, expected]) => {
  const decision = decideRoute(buildRouteTable(patterns.map((it) => route(it))), host, path);
  expect(decision?.action).toEqual({ kind: "app", app: expected });
});

test("the order in the config does not matter", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(patterns, { minLength: patterns.length }),
      fc.constantFrom(...cases),
      (shuffled, [host, path, expected]) => {
        const table = buildRouteTable(shuffled.map((it) => route(it)));
        expect(decideRoute(table, host, path)?.action).toEqual({ kind: "app", app: expected });
      },
    ),
  );
});

test("nothing answers a path without a route", () => {
  const table = buildRouteTable([route("/a/*"), route("old.test/b")]);
  expect(decideRoute(table, "old.test", "/c")).toBeUndefined();
  expect(decideRoute(table, "new.test", "/b")).toBeUndefined();
  expect(decideRoute(buildRouteTable([]), "", "/")).toBeUndefined();
});

test("the first of two equal routes stays", () => {
  const first = route("/a/*");
  const second: RoutePlan = { ...route("/a/*"), action: { kind: "app", app: "second" } };
  expect(decideRoute(buildRouteTable([first, second]), "", "/a")?.index).toBe(0);
});

test("a decision says how much of the path is stripped, and how much the prefix covers", () => {
  const table = buildRouteTable([route("/api/*", true), route("/files/*"), route("/*", true)]);
  const lengths = ["/api/users", "/files/a", "/x"].map((path) => {
    const decision = decideRoute(table, "", path);
    return [decision?.stripLength, decision?.prefixLength];
  });
  expect(lengths).toEqual([
    [4, 4],
    [0, 6],
    [0, 0],
  ]);
});

test("10,000 routes cost what 10 cost", () => {
  const lookUps = 100_000;
  /** CPU time of many look-ups, the best of several rounds. */
  const cost = (count: number): number => {
    const made = Array.from({ length: count }, (_, at) =>
      route(`host${at % 5}.test/r${at}/x${at % 2 === 0 ? "" : "/*"}`),
    );
    const table = buildRouteTable([...made, route("/*")]);
    const rounds = Array.from({ length: 7 }, () => {
      const before = process.cpuUsage();
      for (let step = 0; step < lookUps; step += 1) {
        const at = (step * 7) % 10;
        decideRoute(table, `host${at % 5}.test`, `/r${at}/x`);
      }
      return process.cpuUsage(before).user;
    });
    return Math.min(...rounds);
  };
  cost(10); // warm
  expect(cost(10_000)).toBeLessThan(4 * cost(10) + 5_000);
});
