/** What `cache` in a config becomes, and where the answers go. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "@stack/base";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { readPlaces } from "../src/core/places.ts";
import { checkConfig } from "../src/io/check-config.ts";
import type { EdgePlan } from "../src/plans.ts";

interface Around {
  readonly redisUrl?: string;
  /** A redis-server is on the PATH. */
  readonly hasServer?: boolean;
}

function check(literal: string, { redisUrl, hasServer = false }: Around = {}): EdgePlan {
  using folder = tempFolder();
  const file = join(folder.path, "deploy.config.ts");
  const source = `export default ${literal};\n`;
  writeFileSync(file, source);
  if (hasServer) {
    const server = join(folder.path, "redis-server");
    writeFileSync(server, "#!/bin/sh\n");
    chmodSync(server, 0o755);
  }
  const reading = readPlaces(source, "deploy.config.ts");
  if (reading.kind !== "places") throw new Error(reading.message);
  const input: unknown = new Function(`return ${literal}`)();
  const env = { PATH: folder.path, REDIS_URL: redisUrl };
  const context = { file, source, places: reading.places, env, cpuCount: 2 };
  return checkConfig(input, { ...context, stateFolder: "/state" }).edge.plan;
}

const withCache = (cache: string, rest = ""): string =>
  `{ name: "shop", edge: { routes: [{ path: "/*", upstream: "u", cache: ${cache} }] },
     upstreams: { u: { servers: ["127.0.0.1:1"] } }, ${rest} }`;

test("a config without cache has none in its plan", () => {
  const plan = check(
    '{ edge: { routes: [{ path: "/*", respond: {} }] }, cache: { memory: "1gb" } }',
  );
  expect([plan.cache, plan.routes[0]?.cache]).toEqual([undefined, undefined]);
  expect(check(withCache('{ mode: "off" }')).cache).toBeUndefined();
});

test("an empty cache follows the headers, with the defaults", () => {
  expect(check(withCache("{}")).routes[0]?.cache).toEqual({
    mode: "http",
    ttlMs: 1_000,
    key: { host: true, query: "all", headers: [], cookies: [] },
    bypass: { headers: [], cookies: [] },
    methods: ["GET", "HEAD"],
    negativeTtlMs: 0,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    staleWhileDownMs: 0,
    maxBytes: 1_048_576,
    storeSetCookie: false,
    status: true,
  });
});

test("durations become milliseconds, names of headers lower case", () => {
  const cache = `{ mode: "force", ttl: "10s", key: { query: ["page"], headers: ["X-Lang"] },
    bypass: { headers: ["X-No"], cookies: ["Session"] }, staleWhileDown: "1h" }`;
  expect(check(withCache(cache)).routes[0]?.cache).toMatchObject({
    mode: "force",
    ttlMs: 10_000,
    key: { query: ["page"], headers: ["x-lang"] },
    bypass: { headers: ["x-no"], cookies: ["Session"] },
    staleWhileDownMs: 3_600_000,
  });
});

const embedded = { kind: "embedded", folder: "/state/cache", bytes: 512 * 2 ** 20 };

test.for([
  ["", {}, embedded],
  ["", { redisUrl: "redis://r" }, { kind: "redis", url: "redis://r", prefix: "stack:shop:" }],
  ["", { hasServer: true }, { kind: "redis", url: null, prefix: "stack:shop:" }],
  ["redis: false", { hasServer: true }, embedded],
  ['cache: { store: "embedded" }', { redisUrl: "redis://r" }, embedded],
  [
    'cache: { store: "embedded", disk: "2gb" }',
    {},
    { kind: "embedded", folder: "/state/cache", bytes: 2 ** 31 },
  ],
  [
    'redis: { memory: "1gb" }',
    { redisUrl: "redis://r", hasServer: true },
    { kind: "redis", url: null, prefix: "stack:shop:" },
  ],
  ['cache: { store: "memory" }', { redisUrl: "redis://r" }, { kind: "memory" }],
] as const)("with %s and %j answers are kept in %j", ([rest, around, store]) => {
  expect(check(withCache("{}", rest), around).cache?.store).toEqual(store);
});

test("a store that needs a redis-server says so where there is none", () => {
  try {
    check(withCache("{}", 'cache: { store: "redis" }'));
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    expect(error.report.title).toMatch(/^cache\.store "redis" needs redis-server/);
  }
});

test.for([
  ['cache: { disk: "1kb" }', "Use 1mb at least"],
  ['cache: { disk: "plenty" }', "is not a size"],
  ['redis: { memory: "1kb" }', "Use 2mb at least"],
] as const)("%s is refused", ([rest, reason]) => {
  try {
    check(withCache("{}", rest));
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    expect(JSON.stringify(error.report)).toContain(JSON.stringify(reason).slice(1, -1));
  }
});
