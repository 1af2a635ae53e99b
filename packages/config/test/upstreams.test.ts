/** `upstreams`: what is made of it, and what is said about mistakes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "@stack/base";
import { type TempFolder, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { readPlaces } from "../src/core/places.ts";
import { checkConfig } from "../src/io/check-config.ts";
import type { EdgePlan } from "../src/plans.ts";
import type { UpstreamPlan } from "../src/upstream-plan.ts";

function resolveIn(folder: TempFolder, upstream: string): UpstreamPlan | undefined {
  return Object.values(planIn(folder, upstream).upstreams)[0];
}

function planIn(folder: TempFolder, upstream: string, edge = "{}"): EdgePlan {
  const file = join(folder.path, "deploy.config.ts");
  const literal = `{ redis: false, edge: ${edge}, upstreams: { a: ${upstream} } }`;
  const source = `export default ${literal};\n`;
  writeFileSync(file, source);
  mkdirSync(join(folder.path, "php"));
  const reading = readPlaces(source, "deploy.config.ts");
  if (reading.kind !== "places") throw new Error(reading.message);
  const input: unknown = new Function(`return ${literal}`)();
  const options = { file, source, places: reading.places, env: {}, cpuCount: 2 };
  return checkConfig(input, options).edge.plan;
}

function mistakeIn(upstream: string): string {
  using folder = tempFolder();
  try {
    resolveIn(folder, upstream);
  } catch (error) {
    if (error instanceof StackError) return JSON.stringify(error.report).replaceAll('\\"', '"');
    throw error;
  }
  return "none";
}

test.for([
  ['{ protocol: "http", servers: ["a:1"] }', "{}", 0],
  ['{ protocol: "fastcgi", servers: ["a:1"] }', "{}", 2 ** 30],
  ['{ protocol: "uwsgi", servers: ["a:1"] }', '{ limits: { spillBytes: "1mb" } }', 2 ** 20],
  ['{ protocol: "scgi", servers: ["a:1"] }', "{ limits: { spillBytes: 0 } }", 0],
] as const)("with %s and edge %s, %i bytes may lie on disk", ([upstream, edge, expected]) => {
  using folder = tempFolder();
  expect(planIn(folder, upstream, edge).limits.spillBytes).toBe(expected);
});

test("an upstream of servers alone is its addresses, Unix paths absolute", () => {
  using folder = tempFolder();
  expect(resolveIn(folder, '{ servers: ["db.internal:80", "unix:run/a.sock"] }')).toEqual({
    servers: ["db.internal:80", `unix:${join(folder.path, "run/a.sock")}`],
  });
});

test("an upstream with every option becomes a plan", () => {
  using folder = tempFolder();
  const plan = resolveIn(
    folder,
    `{ protocol: "fastcgi", root: "php", index: "app.php", frontController: "front.php", params: { APP_ENV: "prod" },
      servers: ["a:1", { address: "unix:b.sock", weight: 3, maxInFlight: 2 }, { address: "c:1", backup: true }],
      balance: "two-choices", sticky: { secret: "0123456789abcdef", maxAge: "1h" }, slowStart: "10s", maxInFlight: 8,
      queue: { limit: 5 }, health: { path: "/ping", status: 204, contains: "pong", interval: "1s", rise: 1 },
      eject: { failures: 5 }, retries: { share: 0.1 }, resolver: ["127.0.0.1:53"], proxyProtocol: 2, keepAlive: "1s" }`,
  );
  expect(plan).toEqual({
    protocol: "fastcgi",
    scripts: { root: join(folder.path, "php"), index: "app.php", front: "front.php" },
    params: { APP_ENV: "prod" },
    servers: [
      { address: "a:1", weight: 1, backup: false, maxInFlight: 8 },
      {
        address: `unix:${join(folder.path, "b.sock")}`,
        weight: 3,
        backup: false,
        maxInFlight: 2,
      },
      { address: "c:1", weight: 1, backup: true, maxInFlight: 8 },
    ],
    balance: "two-choices",
    sticky: { cookie: "stack_server", secret: "0123456789abcdef", maxAgeMs: 3_600_000 },
    slowStartMs: 10_000,
    queueLimit: 5,
    queueTimeoutMs: 30_000,
    health: {
      path: "/ping",
      host: "localhost",
      intervalMs: 1_000,
      timeoutMs: 2_000,
      status: [204, 204],
      contains: "pong",
      rise: 1,
      fall: 3,
    },
    eject: { failures: 5, timeMs: 5_000, maxTimeMs: 60_000 },
    retries: { share: 0.1, perSecond: 3 },
    resolver: ["127.0.0.1:53"],
    proxyProtocol: 2,
    keepAliveMs: 1_000,
  });
});

test("reuse", () => {
  using folder = tempFolder();
  expect(resolveIn(folder, '{ servers: ["a:1"], reuse: "always" }')).toEqual({
    servers: ["a:1"],
    reuse: "always",
  });
});

test.for([
  ['{ hash: "uri" }', { hash: "uri" }],
  ['{ hash: { header: "X-User" } }', { hash: "header", name: "X-User" }],
  ['{ hash: { cookie: "sid" } }', { hash: "cookie", name: "sid" }],
] as const)("balance %s", ([written, expected]) => {
  using folder = tempFolder();
  const plan = resolveIn(folder, `{ servers: ["a:1"], balance: ${written}, eject: false }`);
  expect(plan).toEqual({ servers: ["a:1"], balance: expected, eject: null });
});

test.for([
  ['{ servers: ["a:1"], root: "php" }', 'only protocol "fastcgi" has scripts'],
  ['{ servers: ["a:1"], protocol: "fastcgi", index: "index.php" }', "give that too"],
  ['{ servers: ["a:1"], protocol: "fastcgi", root: "nowhere" }', "does not exist"],
  ['{ servers: ["a:1"], params: { A: "1" } }', "have variables"],
  ['{ servers: ["a:1"], protocol: "scgi", keepAlive: "1s" }', "one request per connection"],
  ['{ servers: ["a:1"], protocol: "fastcgi", reuse: "always" }', "no connection is kept"],
  ['{ servers: ["a:1"], keepAlive: "0s", reuse: "always" }', "no connection is kept"],
  ['{ servers: ["a:1"], proxyProtocol: 1, reuse: "always" }', "no connection is kept"],
  ['{ servers: [{ address: "a:1", backup: true }] }', "of what?"],
  ['{ servers: [{ address: "http://a" }] }', "is no address"],
  ['{ servers: ["a:1"], sticky: { secret: "short" } }', "at least 16 characters"],
  [
    '{ servers: ["a:1"], balance: { hash: "uri" }, sticky: { secret: "0123456789abcdef" } }',
    "remove one of both",
  ],
  ['{ servers: ["a:1"], resolver: ["ns.example.com"] }', "Use an address"],
  ['{ servers: ["a:1"], health: "ping" }', "/ping"],
  ['{ servers: ["a:1"], ballance: "x" }', "balance"],
] as const)("%s: %s", ([upstream, expected]) => {
  expect(mistakeIn(upstream)).toContain(expected);
});
