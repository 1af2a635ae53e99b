/** The protective keys of a route, and what is seen of requests: what they become, and their mistakes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "@stack/base";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { readPlaces } from "../src/core/places.ts";
import { checkConfig } from "../src/io/check-config.ts";
import type { EdgePlan, ProtectionPlan } from "../src/plans.ts";

function check(literal: string): EdgePlan {
  using folder = tempFolder();
  const file = join(folder.path, "deploy.config.ts");
  const source = `export default ${literal};\n`;
  writeFileSync(file, source);
  const reading = readPlaces(source, "deploy.config.ts");
  if (reading.kind !== "places") throw new Error(reading.message);
  const input: unknown = new Function(`return ${literal}`)();
  return checkConfig(input, { file, source, places: reading.places, env: {}, cpuCount: 2 }).edge
    .plan;
}

const withRoute = (keys: string, edge = "", rest = ""): string =>
  `{ edge: { ${edge} routes: [{ path: "/*", respond: { body: "x" }, ${keys} }] }, ${rest} }`;

function protectionOf(keys: string, rest = ""): ProtectionPlan | undefined {
  return check(withRoute(keys, "", rest)).routes[0]?.protection;
}

function problemsOf(literal: string): string {
  try {
    check(literal);
    return "";
  } catch (error) {
    if (error instanceof StackError) return (error.report.facts ?? []).join("\n");
    throw error;
  }
}

test("a route without any of it has no protection", () => {
  expect(protectionOf("")).toBeUndefined();
});

test.for([
  ["100/s", { count: 100, periodMs: 1_000, burst: 100 }],
  ["30/m", { count: 30, periodMs: 60_000, burst: 1 }],
  ["999999/h", { count: 999_999, periodMs: 3_600_000, burst: 277 }],
  ["5/d", { count: 5, periodMs: 86_400_000, burst: 1 }],
] as const)("a rate of %s is %j", ([rate, expected]) => {
  expect(protectionOf(`rateLimit: { rate: "${rate}" }`)?.rateLimit).toEqual({
    ...expected,
    key: { kind: "ip" },
    dryRun: false,
  });
});

test("keys, limits and bandwidth become plain numbers and names", () => {
  const plan = protectionOf(
    `rateLimit: { key: { header: "X-Api-Key" }, rate: "1/s", burst: 7, dryRun: true },
     inFlight: { key: { cookie: "session" }, limit: 3 },
     bandwidth: "1mb/s", allow: ["10.0.0.0/8"], deny: ["::1"], security: "same-origin"`,
  );
  expect(plan).toEqual({
    rateLimit: {
      key: { kind: "header", name: "X-Api-Key" },
      count: 1,
      periodMs: 1_000,
      burst: 7,
      dryRun: true,
    },
    inFlight: { key: { kind: "cookie", name: "session" }, limit: 3 },
    bytesPerSecond: 1024 * 1024,
    allow: ["10.0.0.0/8"],
    deny: ["::1"],
    auth: null,
    security: "same-origin",
  });
});

test("a login is an app or an upstream by its name", () => {
  const upstreams = 'upstreams: { login: { servers: ["127.0.0.1:1"] } }';
  expect(protectionOf('auth: { forward: "login", copy: ["X-User"] }', upstreams)?.auth).toEqual({
    kind: "upstream",
    name: "login",
    path: "/",
    copy: ["X-User"],
    timeoutMs: 10_000,
  });
});

test("a password file lies where the config says", () => {
  const auth = protectionOf('auth: { basic: { file: "deploy.config.ts" } }')?.auth;
  expect(auth).toEqual({
    kind: "basic",
    file: expect.stringMatching(/^\/.+\/deploy\.config\.ts$/),
    realm: "Restricted",
  });
});

test.for([
  [withRoute('rateLimit: { rate: "100" }'), '"100" is no rate. Use "100/s"'],
  [withRoute('rateLimit: { rate: "0/s" }'), '"0/s" is no rate'],
  [withRoute('rateLimit: { rate: "1/d", burst: 6 }'), "more than five days"],
  [withRoute('rateLimit: { key: "user", rate: "1/s" }'), 'Use "ip", "route", { header:'],
  [withRoute('bandwidth: "1mb"'), '"1mb" is no bandwidth. Use "1mb/s"'],
  [withRoute('bandwidth: "1/s"'), "is no bandwidth"],
  [withRoute('allow: ["10.0.0.0/99"]'), '"10.0.0.0/99" is no address or network'],
  [withRoute("deny: []"), "deny"],
  [
    withRoute(
      'auth: { forward: "logn" }',
      "",
      'upstreams: { login: { servers: ["127.0.0.1:1"] } }',
    ),
    'no "logn" in apps or upstreams. Did you mean "login"?',
  ],
  [withRoute('auth: { forward: "x", copy: ["X User"] }'), "Use the name of a header"],
  [withRoute('auth: { basic: "users.htpasswd" }'), "auth.basic"],
  [withRoute('auth: { basic: { file: "users.htpasswd" } }'), "htpasswd -B -c users.htpasswd NAME"],
  [withRoute('auth: { basic: { file: "." } }'), "is a folder; name the file"],
  [withRoute('auth: { basic: { file: "deploy.config.ts", realm: "a\\nb" } }'), "printable ASCII"],
  [
    withRoute('auth: { basic: { file: "deploy.config.ts" }, copy: ["X-User"] }'),
    "belongs to `forward`; remove it",
  ],
  [withRoute("auth: {}"), "`forward` or `basic`, one of them"],
  [
    withRoute('auth: { forward: "x", basic: { file: "deploy.config.ts" } }'),
    "`forward` or `basic`, one of them",
  ],
  [withRoute('security: "hard"'), "security"],
  [withRoute("", 'admin: "0.0.0.0:9100",'), "It can be reached from elsewhere"],
  [withRoute("", 'admin: { address: "0.0.0.0:9100" },'), "add a token"],
  [withRoute("", 'admin: { address: "0.0.0.0:9100", token: "short" },'), "at least 16 characters"],
  [withRoute("", 'admin: "9100 please",'), "is no address"],
  [withRoute("", 'accessLog: { format: "{first-bite}" },'), "Did you mean {first-byte}?"],
  [withRoute("", 'serverTiming: "always",'), 'Use true, false or "trusted"'],
] as const)("%s is told: %s", ([literal, expected]) => {
  expect(problemsOf(literal)).toContain(expected);
});

test.for([
  ["", { address: null, token: null }],
  ["admin: false,", null],
  ['admin: "127.0.0.1:9100",', { address: "127.0.0.1:9100", token: null }],
  [
    'admin: { address: "0.0.0.0:9100", token: "0123456789abcdef" },',
    { address: "0.0.0.0:9100", token: "0123456789abcdef" },
  ],
] as const)("an edge with %j serves metrics at %j", ([edge, expected]) => {
  expect(check(withRoute("", edge)).admin).toEqual(expected);
});

test("a Unix socket of the admin listener lies where the config says", () => {
  const { admin } = check(withRoute("", 'admin: "unix:run/metrics.sock",'));
  expect(admin?.address).toMatch(/^unix:\/.+\/run\/metrics\.sock$/);
});

test("the log can be rotated, requests can be named", () => {
  const plan = check(
    withRoute("", 'accessLog: { rotate: { size: "1mb" } }, requestId: true, traceparent: true,'),
  );
  expect(plan.accessLog).toMatchObject({ rotate: { bytes: 1024 * 1024, keep: 5 } });
  expect(plan.tracing).toEqual({ requestId: true, traceparent: true, serverTiming: false });
});
