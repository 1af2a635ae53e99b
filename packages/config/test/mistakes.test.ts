/** Mistakes in a config and the words for them: each row is what somebody wrote and is told. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ErrorReport, StackError } from "@stack/base";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { readPlaces } from "../src/core/places.ts";
import { checkConfig } from "../src/io/check-config.ts";

/** The report of a config that lies in an otherwise empty folder. */
function reportFor(literal: string, env: { readonly PATH?: string } = {}): ErrorReport | undefined {
  using folder = tempFolder();
  const file = join(folder.path, "deploy.config.ts");
  const source = `export default ${literal};\n`;
  writeFileSync(file, source);
  writeFileSync(join(folder.path, "a-file"), "");
  mkdirSync(join(folder.path, "public"));
  const reading = readPlaces(source, "deploy.config.ts");
  if (reading.kind !== "places") throw new Error(reading.message);
  const input: unknown = new Function(`return ${literal}`)();
  try {
    checkConfig(input, { file, source, places: reading.places, env, cpuCount: 2 });
    return undefined;
  } catch (error) {
    if (error instanceof StackError) return error.report;
    throw error;
  }
}

/** The lines of the problems, without where they are and without the source around the first. */
function problemsIn(literal: string): readonly string[] {
  const facts = reportFor(literal)?.facts ?? [];
  const end = facts.indexOf("");
  return facts.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .replace(/^deploy\.config\.ts(:\d+:\d+)?\s+/, "")
      .replace(/\s{2,}/, " | ")
      .replaceAll(/\/\S*stack-test-\w+/g, "/…"),
  );
}

const wsgi = 'kind: "wsgi", app: "a:b"';

test.for([
  // Unknown keys, and those of a later version
  [
    '{ edge: { user: "nobdy" } }',
    'edge.user | this system has no user "nobdy". Did you mean "nobody"?',
  ],
  [
    '{ edge: { user: "nobody", group: "nogrup" } }',
    'edge.group | this system has no group "nogrup". Did you mean "nogroup"?',
  ],
  [
    '{ edge: { group: "nogroup" } }',
    "edge.group | is of use only beside `user`: say who the edge runs as, or remove it",
  ],
  ['{ nam: "x" }', 'nam | unknown key. Did you mean "name"?'],
  [
    "{ zzz: 1 }",
    "zzz | unknown key. Known: name, edge, apps, upstreams, programs, redis, cache, smoke",
  ],
  [
    `{ apps: { a: { ${wsgi}, wrokers: 3 } } }`,
    'apps.a.wrokers | unknown key. Did you mean "workers"?',
  ],
  [
    `{ apps: { a: { ${wsgi}, entry: "x" } } }`,
    /^apps\.a\.entry \| unknown key\. Known: kind, cwd, /,
  ],
  [
    '{ edge: { routes: [{ path: "/", redirect: { too: "/", to: "/" } }] } }',
    'edge.routes[0].redirect.too | unknown key. Did you mean "to"?',
  ],
  // Known, and not built
  // The cache
  [
    '{ edge: { routes: [{ path: "/", respond: {}, cache: {} }] } }',
    "edge.routes[0].cache | only answers of an app or an upstream are kept; remove it",
  ],
  [
    '{ edge: { routes: [{ path: "/", upstream: "a", cache: { ttl: "1s" } }] }, upstreams: { a: { servers: ["a:1"] } } }',
    'edge.routes[0].cache.ttl | only counts with mode "force"; in mode "http" the answers say how long',
  ],
  [
    '{ edge: { routes: [{ path: "/", upstream: "a", cache: { mode: "forse" } }] }, upstreams: { a: { servers: ["a:1"] } } }',
    'edge.routes[0].cache.mode | "forse" is not known here. Did you mean "force"?',
  ],
  ['{ cache: { memory: "1kb" } }', "cache.memory | Use 1mb at least and 64gb at most"],
  [
    '{ redis: false, cache: { store: "redis" } }',
    "cache.store | redis is false: there is none to keep answers",
  ],
  // Files and compression
  [
    '{ edge: { routes: [{ path: "/*", static: { root: "public", immutable: true } }] } }',
    'edge.routes[0].static.immutable | says nothing without a lifetime; add maxAge: "1y"',
  ],
  [
    '{ edge: { routes: [{ path: "/*", static: { root: "public", headers: { "content-length": "1" } } }] } }',
    /static\.headers\S* \| is set by the edge; remove it$/,
  ],
  [
    `{ apps: { a: { ${wsgi} } }, edge: { routes: [{ path: "/*", app: "a", static: { root: "public", fallback: "/index.html" } }] } }`,
    "edge.routes[0].static.fallback | what is no file goes to the app here; remove it",
  ],
  [
    `{ edge: { routes: [{ path: "/*", respond: {}, static: { root: "public" } }] } }`,
    "edge.routes[0] | Only one of these can answer: static, respond",
  ],
  [
    '{ edge: { routes: [{ path: "/*", static: { root: "public", tryFiles: ["/{uri}"] } }] } }',
    /^edge\.routes\[0\]\.static\.tryFiles\[0\] \| /,
  ],
  [
    '{ edge: { routes: [{ path: "/*", static: { root: "public", fallback: "index.html" } }] } }',
    /fallback \| .* Write the path of a file below the root, like "\/index\.html"/,
  ],
  [
    '{ edge: { routes: [{ path: "/x", internal: true, respond: {} }] } }',
    "edge.routes[0].internal | only files can be internal; remove it",
  ],
  [
    '{ edge: { routes: [{ path: /^\\/x/, internal: true, static: { root: "public" } }] } }',
    'edge.routes[0].path | an internal route is named by its path; use "/x/*"',
  ],
  [
    '{ edge: { compression: { encodings: ["deflate"] } } }',
    /^edge\.compression\.encodings\[0\] \| /,
  ],
  [`{ apps: { a: { ${wsgi}, release: [""] } } }`, /^apps\.a\.release\[0\] \| /],
  // Surroundings
  [
    `{ apps: { a: { ${wsgi}, user: "nobdy" } } }`,
    'apps.a.user | this system has no user "nobdy". Did you mean "nobody"?',
  ],
  [
    `{ apps: { a: { ${wsgi}, group: "no-such-group-here" } } }`,
    'apps.a.group | this system has no group "no-such-group-here"',
  ],
  [
    '{ programs: { jobs: { command: ["true"], user: "nobdy" } } }',
    'programs.jobs.user | this system has no user "nobdy". Did you mean "nobody"?',
  ],
  [`{ apps: { a: { ${wsgi}, umask: "27" } } }`, /^apps\.a\.umask \| .*"027"/],
  [`{ apps: { a: { ${wsgi}, envFile: [] } } }`, /^apps\.a\.envFile \| /],
  // The life of a worker
  [`{ apps: { a: { ${wsgi}, maxRequests: 0 } } }`, /^apps\.a\.maxRequests \| /],
  [
    `{ apps: { a: { ${wsgi}, memory: { soft: "2gb", hard: "500mb" } } } }`,
    "apps.a.memory.hard | must be more than memory.soft, or no worker is ever replaced gently",
  ],
  [`{ apps: { a: { ${wsgi}, workers: { min: 4, max: 2 } } } }`, /^apps\.a\.workers(\.max)? \| /],
  [`{ apps: { a: { ${wsgi}, workers: { min: 4 } } } }`, /^apps\.a\.workers(\.max)? \| /],
  [`{ apps: { a: { ${wsgi}, maxAge: "1 week" } } }`, /^apps\.a\.maxAge \| .*is not a duration/],
  // Worker models
  [
    `{ apps: { a: { ${wsgi}, worker: "gevent", threads: 2 } } }`,
    "apps.a.threads | a gevent worker has no threads; remove it, or use concurrency",
  ],
  [
    `{ apps: { a: { ${wsgi}, concurrency: 5 } } }`,
    'apps.a.concurrency | is for worker "gevent" and "eventlet"; use threads',
  ],
  [
    `{ apps: { a: { ${wsgi}, middleware: ["timing"] } } }`,
    /^apps\.a\.middleware\[0\] \| .*Give "module:callable"/,
  ],
  [`{ apps: { a: { ${wsgi}, worker: "gevnt" } } }`, /worker \| .* Did you mean "gevent"\?/],
  ['{ apps: { a: { kind: "asgi", app: "a:b", threads: 2 } } }', /^apps\.a\.threads \| unknown key/],
  [
    '{ apps: { a: { kind: "wsgi", app: "a:make(1" } } }',
    /^apps\.a\.app \| .*Give "module:callable"/,
  ],
  ['{ upstreams: { a: { protocol: "fcgi", servers: ["a:1"] } } }', /^upstreams\.a\.protocol \| /],
  [
    '{ upstreams: { a: { servers: ["a:1"], balance: "x" } } }',
    /^upstreams\.a\.balance \| "x" does not fit\. Use "least-busy"/,
  ],
  // Not suggested although near
  [`{ apps: { a: { ${wsgi}, qqqqqq: 2 } } }`, /^apps\.a\.qqqqqq \| unknown key\. Known: /],
  ["{ cash: 1 }", 'cash | unknown key. Did you mean "cache"?'],
  // Values
  [
    '{ name: "My Shop" }',
    'name | "My Shop" does not fit. Use lower-case letters, digits and "-", a letter first, at most 32',
  ],
  ["{ name: 5 }", 'name | 5 is not a text ("…")'],
  ["{ edge: 5 }", "edge | 5 is not an object ({…})"],
  ["{ edge: { listen: 8080 } }", "edge.listen | 8080 is not a list ([…])"],
  ["{ edge: { listen: [] } }", "edge.listen | is empty: give at least 1"],
  [
    "{ edge: { listen: [70000] } }",
    /^edge\.listen\[0\] \| 70000 .*(at most 65535|a port from 1 to 65535)/,
  ],
  [
    '{ edge: { threads: "many" } }',
    'edge.threads | "many" does not fit. Use "auto" or a whole number from 1 to 64',
  ],
  [
    '{ edge: { threads: "atuo" } }',
    'edge.threads | "atuo" is not known here. Did you mean "auto"?',
  ],
  [
    '{ edge: { timeouts: { header: "10 minutes" } } }',
    'edge.timeouts.header | "10 minutes" is not a duration. Use "10m", "600s" or a number of milliseconds',
  ],
  [
    '{ edge: { limits: { bodyBytes: "10 megs" } } }',
    'edge.limits.bodyBytes | "10 megs" is not a size. Use "10mb", "64kb" or a number of bytes',
  ],
  [
    '{ edge: { routes: [{ path: "/", app: "a", upgrade: ["h2c"] }] }, apps: { a: { kind: "node", entry: "a.js" } } }',
    "edge.routes[0].upgrade[0] | this upgrade is never passed on",
  ],
  [
    '{ edge: { routes: [{ path: "/", respond: {}, upgrade: ["websocket"] }] } }',
    "edge.routes[0].upgrade | only an app or an upstream can take an upgrade; remove it",
  ],
  ["{ edge: { limits: { bodyBytes: -1 } } }", /^edge\.limits\.bodyBytes \| -1 is not a size/],
  [
    "{ edge: { limits: { headerCount: 0 } } }",
    "edge.limits.headerCount | 0 is too small: at least 1",
  ],
  [
    "{ edge: { limits: { headerCount: 1.5 } } }",
    "edge.limits.headerCount | 1.5 is not a whole number",
  ],
  [
    "{ edge: { accessLog: true } }",
    'edge.accessLog | true does not fit. Use false, or { file: "access.log", format: "json" }',
  ],
  [
    '{ edge: { accessLog: { fle: "x" } } }',
    'edge.accessLog.fle | unknown key. Did you mean "file"?',
  ],
  ['{ redis: "managd" }', 'redis | "managd" is not known here. Did you mean "managed"?'],
  [
    "{ redis: true }",
    'redis | true does not fit. Use "auto", "managed", false, { memory: "256mb" } or { url: "redis://…" }',
  ],
  [
    '{ redis: { url: "user:pass@host" } }',
    'redis.url | a value of type string does not fit. Write it as "redis://host:6379/0"',
  ],
  [
    '{ apps: { Shop: { kind: "node", entry: "x" } } }',
    'apps.Shop | "Shop" is no name. Use lower-case letters, digits and "-", a letter first, at most 32',
  ],
  ["{ apps: { a: {} } }", 'apps.a.kind | is missing. Use one of "wsgi", "asgi", "node", "command"'],
  [
    '{ apps: { a: { kind: "nod" } } }',
    'apps.a.kind | "nod" is not known here. Did you mean "node"?',
  ],
  [
    '{ apps: { a: { kind: "wsgi" } } }',
    'apps.a.app | is missing. Where the application is: "module:callable", or "module:factory()" for a function that makes it; its arguments may be literals: "shop:create_app(debug=False)". Or a file, relative to `cwd`: "conf/site.wsgi", "app.py:callable"; without a callable it is `application` or `app`.',
  ],
  [
    '{ apps: { a: { kind: "wsgi", app: "shop" } } }',
    'apps.a.app | "shop" does not fit. Give "module:callable", for example "shop.wsgi:application", or a file by its path: "./site.wsgi"',
  ],
  [
    `{ apps: { a: { ${wsgi}, health: "healthz" } } }`,
    'apps.a.health | "healthz" must start with "/"',
  ],
  [
    `{ apps: { a: { ${wsgi}, env: { KEY: undefined } } } }`,
    'apps.a.env.KEY | has no value (undefined); it must be a text ("…")',
  ],
  [
    `{ apps: { a: { ${wsgi}, env: { KEY: 5 } } } }`,
    'apps.a.env.KEY | a value of type number is not a text ("…")',
  ],
  ["{ programs: { a: { command: [] } } }", "programs.a.command | is empty: give at least 1"],
  ['{ programs: { a: { command: "run" } } }', 'programs.a.command | "run" is not a list ([…])'],
  [
    '{ programs: { a: { command: ["x"], restart: "alway" } } }',
    'programs.a.restart | "alway" is not known here. Did you mean "always"?',
  ],
  ['{ smoke: [{ get: "x" }] }', 'smoke[0].get | "x" must start with "/"'],
  // Routes
  [
    '{ edge: { routes: [{ path: "x", respond: {} }] } }',
    'edge.routes[0].path | "x" does not fit. Use "/x" for exactly that path, "/x/*" for all below it, or a RegExp',
  ],
  [
    '{ edge: { routes: [{ path: "/x*", respond: {} }] } }',
    /^edge\.routes\[0\]\.path \| "\/x\*" does not fit/,
  ],
  [
    '{ edge: { routes: [{ path: "/x?y", respond: {} }] } }',
    /^edge\.routes\[0\]\.path \| "\/x\?y" does not fit/,
  ],
  [
    '{ edge: { routes: [{ path: "/" }] } }',
    "edge.routes[0] | Say what answers here: one of static, app, upstream, split, respond, redirect",
  ],
  [
    '{ edge: { routes: [{ path: "/", respond: {}, redirect: { to: "/" } }] } }',
    "edge.routes[0] | Only one of these can answer: respond, redirect",
  ],
  [
    '{ edge: { routes: [{ path: "/", respond: {}, stripPrefix: true }] } }',
    "edge.routes[0].stripPrefix | only an app or an upstream has a path to strip; remove it",
  ],
  [
    '{ edge: { routes: [{ path: "/", host: "a.b:80", respond: {} }] } }',
    /^edge\.routes\[0\]\.host \| "a\.b:80" does not fit\. Write the name alone/,
  ],
  [
    '{ edge: { routes: [{ path: "/", redirect: { to: "/", status: 200 } }] } }',
    "edge.routes[0].redirect.status | 200 is not known here. Use one of 301, 302, 303, 307, 308",
  ],
  [
    '{ edge: { routes: [{ path: "/", redirect: { to: "https://x{paht}" } }] } }',
    "edge.routes[0].redirect.to | {paht} is not known here. Did you mean {path}?",
  ],
  [
    '{ edge: { accessLog: { format: "jsn" } } }',
    'edge.accessLog.format | "jsn" is no format. Did you mean "json"?',
  ],
  [
    '{ edge: { accessLog: { format: "common" } } }',
    /"common" is no format\. Use "json", "combined" or a template like/,
  ],
  [
    '{ edge: { accessLog: { format: "{client} {stats}" } } }',
    "edge.accessLog.format | {stats} is not known here. Did you mean {status}?",
  ],
  // What belongs together
  [
    `{ apps: { shop: { ${wsgi} } }, edge: { routes: [{ path: "/", app: "shpo" }] } }`,
    'edge.routes[0].app | no "shpo" in apps. Did you mean "shop"?',
  ],
  [
    '{ edge: { routes: [{ path: "/", app: "shop" }] } }',
    'edge.routes[0].app | no "shop" in apps, which is empty',
  ],
  [
    '{ upstreams: { php: { servers: ["a:1"] } }, edge: { routes: [{ path: "/", upstream: "old" }] } }',
    'edge.routes[0].upstream | no "old" in upstreams. There is: php',
  ],
  [
    '{ edge: { routes: [{ path: "/a", respond: {} }, { path: "/a", redirect: { to: "/" } }] } }',
    "edge.routes[1].path | /a is already answered by edge.routes[0]; remove one",
  ],
  [
    '{ edge: { routes: [{ host: "A.b", path: "/*", respond: {} }, { host: "a.B", path: "/*", respond: {} }] } }',
    "edge.routes[1].path | a.b/* is already answered by edge.routes[0]; remove one",
  ],
  [
    '{ edge: { listen: [8080, "0.0.0.0:8080"] } }',
    "edge.listen[1] | 0.0.0.0:8080 is already taken by edge.listen[0]; remove one",
  ],
  [
    '{ edge: { listen: [8080, "127.0.0.1:8080"] } }',
    "edge.listen[1] | 127.0.0.1:8080 is already taken by edge.listen[0]; remove one",
  ],
  [
    '{ edge: { listen: ["unix:a", "unix:a"] } }',
    "edge.listen[1] | unix:a is already taken by edge.listen[0]; remove one",
  ],
  [
    '{ edge: { listen: ["localhost"] } }',
    'edge.listen[0] | "localhost" is no address. Use "127.0.0.1:3000", "[::1]:3000" or "unix:run/app.sock"',
  ],
  [
    '{ edge: { trustedProxies: ["10.0.0.0/33"] } }',
    'edge.trustedProxies[0] | "10.0.0.0/33" is no address or network. Use "10.0.0.0/8", "::1" or "unix:"',
  ],
  [
    '{ upstreams: { a: { servers: ["http://x:80"] } } }',
    /^upstreams\.a\.servers\[0\] \| "http:\/\/x:80" is no address/,
  ],
  [
    '{ upstreams: { a: { servers: ["127.0.0.1:0"] } } }',
    /^upstreams\.a\.servers\[0\] \| "127\.0\.0\.1:0" is no address/,
  ],
  [
    '{ programs: { a: { command: ["x"], dependsOn: { rdis: "ready" } } } }',
    'programs.a.dependsOn.rdis | no "rdis" in apps or programs. Did you mean "redis"?',
  ],
  [
    '{ redis: false, programs: { a: { command: ["x"], dependsOn: { redis: "ready" } } } }',
    "programs.a.dependsOn.redis | redis is false: there is none to wait for",
  ],
  [
    '{ programs: { a: { command: ["x"], dependsOn: { a: "ready" } } } }',
    "programs.a.dependsOn.a | a waits for itself: a → a",
  ],
  [
    `{ apps: { a: { ${wsgi} } }, programs: { a: { command: ["x"] } } }`,
    'programs.a | "a" is also the name of an app; commands could not tell them apart',
  ],
  [`{ apps: { edge: { ${wsgi} } } }`, 'apps.edge | "edge" is the name of the edge; take another'],
  // The disk
  [
    '{ edge: { routes: [{ path: "/*", static: { root: "publc" } }] } }',
    "edge.routes[0].static.root | /…/publc does not exist",
  ],
  [
    '{ edge: { routes: [{ path: "/*", static: { root: "a-file" } }] } }',
    "edge.routes[0].static.root | /…/a-file is no folder",
  ],
  [`{ apps: { a: { ${wsgi}, cwd: "nowhere" } } }`, "apps.a.cwd | /…/nowhere does not exist"],
  [
    '{ programs: { a: { command: ["x"], cwd: "a-file" } } }',
    "programs.a.cwd | /…/a-file is no folder",
  ],
] as const)("%s: %s", ([literal, expected]) => {
  const problems = problemsIn(literal);

  expect(problems).toHaveLength(1);
  if (typeof expected === "string") expect(problems[0]).toBe(expected);
  else expect(problems[0]).toMatch(expected);
});

test.for([
  "{}",
  '{ name: "a", edge: { listen: ["[::]:8080", "unix:x"], routes: [{ path: "/*", static: { root: "public" } }] } }',
  `{ apps: { lonely: { ${wsgi} } } }`,
  '{ edge: { routes: [{ path: "/a", respond: {} }, { path: "/a/*", respond: {} }, { host: "h", path: "/a", respond: {} }] } }',
  '{ edge: { listen: ["127.0.0.1:0", "0.0.0.0:0"], trustedProxies: ["10.0.0.0/8", "::1", "fd00::/8"] } }',
  '{ programs: { a: { command: ["x"], dependsOn: { b: "ready" } }, b: { command: ["y"], dependsOn: { redis: "ready" } } } }',
])("%s is right", (literal) => {
  expect(reportFor(literal)).toBeUndefined();
});

test("three programs in a circle are each told the way round", () => {
  const needs = (name: string): string => `{ command: ["x"], dependsOn: { ${name}: "ready" } }`;

  const problems = problemsIn(
    `{ programs: { a: ${needs("b")}, b: ${needs("c")}, c: ${needs("a")} } }`,
  );

  expect(problems).toEqual([
    "programs.a.dependsOn.b | a waits for itself: a → b → c → a",
    "programs.b.dependsOn.c | b waits for itself: b → c → a → b",
    "programs.c.dependsOn.a | c waits for itself: c → a → b → c",
  ]);
});

test("all problems are told at once, in the order of the source, with the source around the first", () => {
  const report = reportFor(`{
  name: "shop",
  edge: {
    listen: [8080],
    thread: 2,
    routes: [{ path: "/*", app: "shop" }],
  },
  apps: {
    web: { kind: "wsgi", app: "web:app", wrokers: 3 },
  },
}`);

  expect(report).toEqual({
    code: "E1002",
    exit: 3,
    title: "deploy.config.ts has 3 problems",
    place: { file: "deploy.config.ts", line: 5, column: 5, configPath: "edge.thread", value: "2" },
    facts: [
      'deploy.config.ts:5:5   edge.thread         unknown key. Did you mean "threads"?',
      'deploy.config.ts:6:28  edge.routes[0].app  no "shop" in apps. There is: web',
      'deploy.config.ts:9:42  apps.web.wrokers    unknown key. Did you mean "workers"?',
      "",
      "  4 |     listen: [8080],",
      "> 5 |     thread: 2,",
      "    |     ^^^^^^",
    ],
    fixes: ["edit line 5 of deploy.config.ts"],
  });
});

test("a long list of problems is cut, and the rest counted", () => {
  const report = reportFor(
    `{ apps: { ${Array.from({ length: 40 }, (_, i) => `a${i}: {}`).join(", ")} } }`,
  );

  expect(report?.title).toBe("deploy.config.ts has 40 problems");
  expect(report?.facts?.[30]).toBe("… and 10 more");
});

test("what may be a secret is nowhere in the report", () => {
  const report = reportFor(
    '{ apps: { a: { kind: "node", entry: "x", env: { TOKEN: ["hunter2"] } } } }',
  );

  expect(report?.title).toBe("deploy.config.ts has 1 problem");
  expect(JSON.stringify(report)).not.toContain("hunter2");
});

test('redis: "managed" without a redis-server on the PATH is E2302', () => {
  const report = reportFor('{ redis: "managed" }', { PATH: "/nowhere" });

  expect(report).toMatchObject({ code: "E2302", exit: 4, place: { line: 1, configPath: "redis" } });
});
