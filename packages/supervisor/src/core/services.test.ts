import type { AppPlan, ProgramPlan, ResolvedConfig } from "@stack/config";
import { expect, test } from "vitest";
import { carryOver } from "./overrides.ts";
import {
  dependenciesOf,
  findServices,
  knownNames,
  noOverrides,
  planServices,
  planStopOrder,
} from "./services.ts";

function app(name: string, changes: Partial<AppPlan> = {}): AppPlan {
  return { name, kind: "wsgi", instances: 2, workers: 1, ...changes } as AppPlan;
}

function program(name: string, dependsOn: readonly string[] = []): ProgramPlan {
  return { name, dependsOn } as unknown as ProgramPlan;
}

function config(apps: AppPlan[], programs: ProgramPlan[] = [], redis = true): ResolvedConfig {
  return {
    apps: Object.fromEntries(apps.map((one) => [one.name, one])),
    programs: Object.fromEntries(programs.map((one) => [one.name, one])),
    redis: redis
      ? { kind: "managed", server: "/usr/bin/redis-server", memoryBytes: 1 }
      : { kind: "none" },
  } as unknown as ResolvedConfig;
}

const names = (plans: readonly { readonly name: string }[]): string[] =>
  plans.map((plan) => plan.name);

test("redis, every instance, then programs", () => {
  const plans = planServices(config([app("shop")], [program("jobs")]), noOverrides);
  expect(names(plans)).toEqual(["redis", "shop-1", "shop-2", "jobs"]);
});

test("a scaled app has other workers, a scaled command other instances", () => {
  const written = config([app("shop"), app("blog", { kind: "command" } as Partial<AppPlan>)], []);
  const plans = planServices(written, { ...noOverrides, scale: { shop: 5, blog: 3 } });
  expect(names(plans)).toEqual(["redis", "shop-1", "shop-2", "blog-1", "blog-2", "blog-3"]);
  expect(plans.map((plan) => (plan.kind === "app" ? plan.app.workers : null))).toEqual([
    null,
    5,
    5,
    1,
    1,
    1,
  ]);
});

test("apps wait for a managed redis, programs for what they name", () => {
  const [, shop, , jobs] = planServices(
    config([app("shop")], [program("jobs", ["shop", "redis"])]),
    noOverrides,
  );
  if (shop === undefined || jobs === undefined) throw new Error("plans are missing");
  expect(dependenciesOf(shop, true)).toEqual(["redis"]);
  expect(dependenciesOf(shop, false)).toEqual([]);
  expect(dependenciesOf(jobs, true)).toEqual(["shop", "redis"]);
});

test.for<[title: string, config: ResolvedConfig, groups: string[][]]>([
  ["nothing", config([], [], false), []],
  ["apps, then what they need", config([app("shop", { instances: 1 })]), [["shop-1"], ["redis"]]],
  [
    "programs before the apps they need",
    config([app("shop", { instances: 1 })], [program("a", ["shop"]), program("b", ["a"])]),
    [["b"], ["a"], ["shop-1"], ["redis"]],
  ],
  ["a circle at once", config([], [program("a", ["b"]), program("b", ["a"])], false), [["a", "b"]]],
])("the order of a stop: %s", ([, written, groups]) => {
  expect(planStopOrder(planServices(written, noOverrides)).map(names)).toEqual(groups);
});

test.for<[name: string, found: string[] | undefined]>([
  ["shop", ["shop-1", "shop-2"]],
  ["shop-2", ["shop-2"]],
  ["jobs", ["jobs"]],
  ["redis", ["redis"]],
  ["sho", undefined],
])("%s means %j", ([name, found]) => {
  const plans = planServices(config([app("shop")], [program("jobs")]), noOverrides);
  const result = findServices(plans, name);
  expect(result && names(result)).toEqual(found);
  expect(knownNames(plans)).toEqual(["redis", "shop", "jobs"]);
});

test("of the changes made at run time, a reload keeps what the file does not contradict", () => {
  const overrides = { scale: { shop: 5, api: 4, gone: 3 }, stopped: ["jobs", "old", "shop-2"] };
  const before = config([app("shop"), app("api"), app("gone")], [program("jobs"), program("old")]);
  const after = config([app("shop"), app("api", { workers: 2 })], [program("jobs")]);
  expect(carryOver(overrides, before, after)).toEqual({
    scale: { shop: 5 },
    stopped: ["jobs", "shop-2"],
  });
});
