import { expect, test } from "vitest";
import type { AppPlan, ProgramPlan, ResolvedConfig, RoutePlan } from "../plans.ts";
import { diffConfigs } from "./diff.ts";

const place = { file: "deploy.config.ts", line: 1, column: 1 };

const web: AppPlan = {
  kind: "wsgi",
  name: "web",
  cwd: "/srv",
  env: {},
  instances: 2,
  workers: 2,
  health: null,
  timeoutMs: 30_000,
  bootTimeoutMs: 30_000,
  drainTimeoutMs: 30_000,
  queueLimit: 1000,
  queueTimeoutMs: 30_000,
  place,
  app: "web:app",
  preload: true,
  python: "/usr/bin/python3",
  pythonTried: ["/usr/bin/python3"],
};
const jobs: ProgramPlan = {
  name: "jobs",
  command: ["jobs"],
  cwd: "/srv",
  env: {},
  restart: "always",
  dependsOn: [],
  place,
};
const home: RoutePlan = {
  host: null,
  path: "/",
  match: "prefix",
  stripPrefix: false,
  action: { kind: "app", app: "web" },
  source: "deploy.config.ts:3",
};
const about: RoutePlan = { ...home, path: "/about", match: "exact" };
const before: ResolvedConfig = {
  name: "shop",
  file: "/srv/deploy.config.ts",
  folder: "/srv",
  edge: {
    listeners: [
      { name: "edge.listen[0]", address: { kind: "tcp", host: "0.0.0.0", port: 80 } },
      { name: "edge.listen[1]", address: { kind: "unix", path: "/srv/x" } },
    ],
    threads: 2,
    plan: {
      trustedProxies: [],
      limits: { headerBytes: 1, headerCount: 1, bodyBytes: 1, bufferBytes: 1, connections: 1 },
      timeoutsMs: { header: 1, body: 1, idle: 1, connect: 1, firstByte: 1 },
      accessLog: null,
      routes: [home, about],
      upstreams: {},
      apps: {},
    },
  },
  apps: { web },
  programs: { jobs },
  redis: { kind: "none" },
  smoke: [],
  places: {},
};

const same = {
  isSame: true,
  edge: "same",
  apps: { web: { kind: "same" } },
  programs: { jobs: "same" },
  redis: "same",
  isRenamed: false,
};

function withPlan(change: Partial<ResolvedConfig["edge"]["plan"]>): Partial<ResolvedConfig> {
  return { edge: { ...before.edge, plan: { ...before.edge.plan, ...change } } };
}

function withWeb(change: object): Partial<ResolvedConfig> {
  return { apps: { web: { ...web, ...change } } };
}

const [first, second] = before.edge.listeners;
if (first === undefined || second === undefined) throw new Error("two listeners");

test.for([
  ["nothing", {}, {}],
  [
    "places in the source",
    { places: { name: place }, ...withWeb({ place: { ...place, line: 9 } }) },
    {},
  ],
  ["the line of a route", withPlan({ routes: [{ ...home, source: "x:9" }, about] }), {}],
  ["the order of routes", withPlan({ routes: [about, home] }), {}],
  [
    "the order of listeners",
    {
      edge: {
        ...before.edge,
        listeners: [
          { ...second, name: "edge.listen[0]" },
          { ...first, name: "edge.listen[1]" },
        ],
      },
    },
    {},
  ],
  ["where Python was looked for", withWeb({ pythonTried: [] }), {}],
  ["smoke checks", { smoke: [{ path: "/", host: null, status: 200, contains: null }] }, {}],
  ["the name", { name: "other" }, { isRenamed: true }],
  ["a route", withPlan({ routes: [home] }), { edge: "plan" }],
  [
    "the action of a route",
    withPlan({ routes: [{ ...home, action: { kind: "app", app: "api" } }, about] }),
    { edge: "plan" },
  ],
  ["a limit", withPlan({ limits: { ...before.edge.plan.limits, bodyBytes: 2 } }), { edge: "plan" }],
  ["an upstream", withPlan({ upstreams: { old: { servers: ["a:1"] } } }), { edge: "plan" }],
  ["the access log", withPlan({ accessLog: { file: "/x", format: "json" } }), { edge: "plan" }],
  ["threads", { edge: { ...before.edge, threads: 3 } }, { edge: "listeners" }],
  [
    "who the edge runs as",
    { edge: { ...before.edge, user: { name: "x", uid: 9, gid: 9, home: "/" } } },
    { edge: "listeners" },
  ],
  ["one listener less", { edge: { ...before.edge, listeners: [first] } }, { edge: "listeners" }],
  [
    "a port",
    {
      edge: {
        ...before.edge,
        listeners: [first, { name: "edge.listen[1]", address: { kind: "unix", path: "/y" } }],
      },
    },
    { edge: "listeners" },
  ],
  [
    "workers",
    withWeb({ workers: 3 }),
    {
      apps: { web: { kind: "scaled", instances: { from: 2, to: 2 }, workers: { from: 2, to: 3 } } },
    },
  ],
  [
    "instances and workers",
    withWeb({ workers: 1, instances: 3 }),
    {
      apps: { web: { kind: "scaled", instances: { from: 2, to: 3 }, workers: { from: 2, to: 1 } } },
    },
  ],
  [
    "workers and code",
    withWeb({ workers: 3, app: "web:other" }),
    { apps: { web: { kind: "changed", keys: ["app", "workers"] } } },
  ],
  [
    "the environment of an app",
    withWeb({ env: { place: "x" } }),
    { apps: { web: { kind: "changed", keys: ["env"] } } },
  ],
  [
    "the Python",
    withWeb({ python: "/opt/python" }),
    { apps: { web: { kind: "changed", keys: ["python"] } } },
  ],
  [
    "the kind of an app",
    { apps: { web: { ...web, kind: "node", entry: "/x" } as AppPlan } },
    { apps: { web: { kind: "changed", keys: ["entry", "kind"] } } },
  ],
  [
    "another app",
    { apps: { api: { ...web, name: "api" } } },
    { apps: { web: { kind: "removed" }, api: { kind: "added" } } },
  ],
  [
    "an app named like an inherited property",
    { apps: { web, constructor: { ...web, name: "constructor" } } },
    { apps: { web: { kind: "same" }, constructor: { kind: "added" } } },
  ],
  [
    "the command of a program",
    { programs: { jobs: { ...jobs, command: ["other"] as const } } },
    { programs: { jobs: "changed" } },
  ],
  ["the line of a program", { programs: { jobs: { ...jobs, place: { file: "x" } } } }, {}],
  ["no program", { programs: {} }, { programs: { jobs: "removed" } }],
  [
    "one program more",
    { programs: { jobs, mail: jobs } },
    { programs: { jobs: "same", mail: "added" } },
  ],
  ["redis", { redis: { kind: "url", url: "redis://a" } as const }, { redis: "changed" }],
] as const)("a config that differs in %s", ([, change, expected]) => {
  const after = { ...before, ...change } as ResolvedConfig;

  expect(diffConfigs(before, after)).toEqual({
    ...same,
    isSame: Object.keys(expected).length === 0,
    ...expected,
  });
});
