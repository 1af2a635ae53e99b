/** The loader as the rest of the stack uses it: a child process with a config that may do anything. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { readLoaderOutput } from "../src/loader-document.ts";
import { answerTo, loadConfig, writeFiles } from "./load.ts";

const minimal = '{ name: "shop", redis: false as const }';

test.for([
  ["an object", `export default ${minimal};`],
  ["defineConfig of an object", `export default defineConfig(${minimal});`],
  ["a function", `export default () => (${minimal});`],
  ["an async function", `export default defineConfig(async () => (${minimal}));`],
  ["a promise", `export default Promise.resolve(${minimal});`],
  ["what top-level await gives", `export default await Promise.resolve(${minimal});`],
  [
    "a config with types",
    `const c = ${minimal} satisfies object; export default c as { name: "shop" };`,
  ],
])("%s is a config", async ([, code]) => {
  using folder = tempFolder();

  const answer = await answerTo(folder.path, {
    "deploy.config.ts": `import { defineConfig } from "@stack/config";\nvoid defineConfig;\n${code}\n`,
  });

  expect(answer).toMatchObject({ ok: true, config: { name: "shop", redis: { kind: "none" } } });
});

const imported = 'import { defineConfig } from "@stack/config";\nexport default defineConfig';

test.for([
  ["deploy.config.js", 'module.exports = { name: "shop" };'],
  [
    "deploy.config.js",
    'const { defineConfig } = require("@stack/config");\nmodule.exports = defineConfig({ name: "shop" });',
  ],
  ["deploy.config.js", `${imported}({ name: "shop" });`],
  ["deploy.config.mjs", `${imported}({ name: "shop" });`],
  ["deploy.config.mts", `${imported}({ name: "shop" as string });`],
  ["module/deploy.config.js", `${imported}({ name: "shop" });`],
  ["module/deploy.config.ts", `${imported}({ name: "shop" as string });`],
] as const)("%s may say %s", async ([name, code]) => {
  using folder = tempFolder();

  const answer = await answerTo(
    folder.path,
    { [name]: `${code}\n`, "module/package.json": '{ "type": "module" }' },
    [name],
  );

  expect(answer).toMatchObject({ ok: true, config: { name: "shop" } });
});

test("a config may import its own files, and sees them as they are now", async () => {
  using folder = tempFolder();
  const config = 'import { name } from "./settings";\nexport default { name };\n';
  await answerTo(folder.path, {
    "deploy.config.ts": config,
    "settings.ts": 'export const name: string = "a";',
  });

  const again = await answerTo(folder.path, { "settings.ts": 'export const name: string = "b";' });

  expect(again).toMatchObject({ ok: true, config: { name: "b" } });
});

test.for([
  [
    "the config",
    { "deploy.config.ts": 'import { a } from "./more";\nexport default { name: a + "2" };' },
  ],
  ["a file it imports", { "more.ts": 'export enum Name { a = "b2" }\nexport const a = Name.a;' }],
] as const)(
  "what became of a config is kept in the stack's folder, and %s that changed is seen",
  async ([, changed]) => {
    using folder = tempFolder();
    const state = join(folder.path, ".stack");
    mkdirSync(state);
    const load = (files: Readonly<Record<string, string>>) =>
      answerTo(folder.path, files, ["deploy.config.ts", state]);
    const files = {
      "deploy.config.ts": 'import { a } from "./more";\nexport default { name: a as string };',
      "more.ts": 'enum Name { a = "b" }\nexport const a = Name.a;',
    };
    expect(await load(files)).toMatchObject({ ok: true, config: { name: "b" } });
    const kept = readdirSync(join(state, "config"));

    const again = await load({});
    const after = await load(changed);

    expect(kept).toHaveLength(2);
    expect(statSync(join(state, "config")).mode & 0o777).toBe(0o700);
    expect(again).toMatchObject({ ok: true, config: { name: "b" } });
    expect(after).toMatchObject({ ok: true, config: { name: "b2" } });
  },
);

test("what is kept of a config is used only as it was written", async () => {
  using folder = tempFolder();
  const state = join(folder.path, ".stack");
  mkdirSync(state);
  const args = ["deploy.config.ts", state];
  await answerTo(folder.path, { "deploy.config.ts": `export default ${minimal};` }, args);
  const [kept = ""] = readdirSync(join(state, "config"));
  const file = join(state, "config", kept);
  truncateSync(file, statSync(file).size - 10); // a disk that was full

  const answer = await answerTo(folder.path, {}, args);

  expect(answer).toMatchObject({ ok: true, config: { name: "shop" } });
});

test.for([
  ["does not exist", (): void => {}],
  ["is no folder", (state: string) => writeFileSync(state, "")],
] as const)("nothing is kept where the stack's folder %s", async ([, make]) => {
  using folder = tempFolder();
  const state = join(folder.path, ".stack");
  make(state);

  const answer = await answerTo(folder.path, { "deploy.config.ts": `export default ${minimal};` }, [
    "deploy.config.ts",
    state,
  ]);

  expect(answer).toMatchObject({ ok: true, config: { name: "shop" } });
  expect(existsSync(join(state, "config"))).toBe(false);
});

test("what a config prints disturbs nothing, and reaches its reader", async () => {
  using folder = tempFolder();
  writeFiles(folder.path, {
    "deploy.config.ts": `console.log("on stdout"); console.error("Flask is missing");\nexport default ${minimal};\n`,
  });

  const loaded = await loadConfig(folder.path);

  expect(readLoaderOutput(loaded.text).name).toBe("shop");
  expect(loaded).toMatchObject({ stdout: "on stdout\n", stderr: "Flask is missing\n", code: 0 });
});

test("without a descriptor for it the answer goes to standard output", async () => {
  using folder = tempFolder();
  writeFiles(folder.path, { "deploy.config.ts": `export default ${minimal};\n` });
  const { spawnSync } = await import("node:child_process");
  const entry = join(import.meta.dirname, "../dist/bin/load-config.js");

  const { stdout } = spawnSync(process.execPath, [entry, "deploy.config.ts"], {
    cwd: folder.path,
    encoding: "utf8",
  });

  expect(readLoaderOutput(stdout).name).toBe("shop");
});

test("a config larger than a pipe arrives whole", async () => {
  using folder = tempFolder();

  const answer = await answerTo(folder.path, {
    "deploy.config.ts": `
      const routes = Array.from({ length: 5000 }, (_, i) => ({ path: "/page-" + i, respond: {} }));
      export default { edge: { routes }, name: "large" };`,
  });

  expect(answer.ok && answer.config.edge.plan.routes).toHaveLength(5000);
});

test("a timer that the config leaves behind does not keep the loader", async () => {
  using folder = tempFolder();

  const answer = await answerTo(folder.path, {
    "deploy.config.ts": `setInterval(() => {}, 1000);\nexport default ${minimal};\n`,
  });

  expect(answer.ok).toBe(true);
});

test.for([
  ["calls process.exit()", "\nprocess.exit();\n", { title: "called process.exit()", line: 2 }],
  [
    "calls process.exit(3)",
    "function leave() { process.exit(3) }\n\nleave();",
    { title: "called process.exit(3)", line: 1 },
  ],
  [
    "throws",
    '\n\nthrow new TypeError("no database");',
    { title: "threw TypeError: no database", line: 3 },
  ],
  [
    "throws in a function",
    'function a(): never {\n throw new Error("deep") }\nexport default () => a();',
    { title: "threw Error: deep", line: 2 },
  ],
  ["throws what is no error", 'throw "just text";', { title: "threw just text" }],
  [
    "rejects without anyone listening",
    'void Promise.reject(new Error("lost"));\nawait new Promise((resolve) => setImmediate(resolve));',
    { title: "threw Error: lost", line: 1 },
  ],
  [
    "waits for what never comes",
    "await new Promise(() => {});",
    { title: "never finished: what it awaits does not happen" },
  ],
  [
    "imports what does not exist",
    'import "nowhere-to-be-found";',
    { title: "Cannot find module 'nowhere-to-be-found'" },
  ],
] as const)("a config that %s is E1004 with its own line", async ([, code, expected]) => {
  using folder = tempFolder();

  const answer = await answerTo(folder.path, {
    "deploy.config.ts": `${code}\n${code.includes("export") ? "" : `export default ${minimal};\n`}`,
  });

  if (answer.ok) throw new Error("accepted");
  const [error] = answer.errors;
  expect(error).toMatchObject({ code: "E1004", exit: 3, place: { file: "deploy.config.ts" } });
  expect(error?.title).toContain(expected.title);
  if ("line" in expected) expect(error?.place?.line).toBe(expected.line);
});

test("a config that runs for ever is ended by its caller and reported as such", async () => {
  using folder = tempFolder();
  writeFiles(folder.path, { "deploy.config.ts": 'console.log("busy"); for (;;);' });

  const { text, code, signal } = await loadConfig(folder.path, undefined, {}, "busy");

  const end = { code, signal, timedOut: true, file: "deploy.config.ts" };
  expect(() => readLoaderOutput(text, end)).toThrow("deploy.config.ts did not finish within 20 s");
});

test("a config that kills its process is reported by how it ended", async () => {
  using folder = tempFolder();
  writeFiles(folder.path, {
    "deploy.config.ts": 'process.kill(process.pid, "SIGKILL"); for (;;);',
  });

  const { text, code, signal } = await loadConfig(folder.path);

  const end = { code, signal, timedOut: false };
  expect(() => readLoaderOutput(text, end)).toThrow(
    "ended the process that evaluated it (SIGKILL)",
  );
  expect(() => readLoaderOutput(text)).toThrow("ended the process that evaluated it");
});

test.for([
  [
    "in the config",
    { "deploy.config.ts": 'export default {\n  name: "a",,\n};' },
    "deploy.config.ts",
    2,
    13,
  ],
  [
    "in a file it imports",
    {
      "deploy.config.ts": 'import "./other.ts";\nexport default {};',
      "other.ts": "const a = 1;\nconst = 2;",
    },
    "other.ts",
    2,
    7,
  ],
] as const)("a syntax error %s is E1001 with its place", async ([, files, file, line, column]) => {
  using folder = tempFolder();

  const answer = await answerTo(folder.path, files);

  if (answer.ok) throw new Error("accepted");
  const [error] = answer.errors;
  expect(error).toMatchObject({ code: "E1001", exit: 3, place: { line, column } });
  expect(error?.place?.file).toContain(file);
  expect(error?.title).toMatch(/is not valid TypeScript: Unexpected token/);
  expect(error?.facts?.at(-1)).toMatch(/\^$/);
});

test.for([
  ["export const config = {};", "undefined"],
  ["export default [];", "a list"],
  ["export default null;", "null"],
  ['export default "shop";', "string"],
  ["export default () => undefined;", "undefined"],
])("%s is E1003", async ([code, got]) => {
  using folder = tempFolder();

  const answer = await answerTo(folder.path, { "deploy.config.ts": `${code}\n` });

  if (answer.ok) throw new Error("accepted");
  expect(answer.errors[0]).toMatchObject({
    code: "E1003",
    title: `deploy.config.ts did not export a config (got ${got})`,
  });
});

test("every path of a resolved config is absolute, and every choice made", async () => {
  using folder = tempFolder();
  const root = realpathSync(folder.path);
  mkdirSync(join(root, "web/.venv/bin"), { recursive: true });
  mkdirSync(join(root, "public"));
  const { symlinkSync } = await import("node:fs");
  symlinkSync("/bin/sh", join(root, "web/.venv/bin/python"));

  const answer = await answerTo(
    root,
    {
      "deploy.config.ts": `export default {
        edge: {
          listen: [8080, "[::1]:81", "unix:run/edge.sock"],
          threads: 3,
          routes: [
            { path: "/s/*", static: { root: "public" } },
            { host: "Shop.Example.COM", path: "/*", app: "web" },
            { path: "/old", upstream: "old", stripPrefix: true },
          ],
        },
        upstreams: { old: { servers: ["unix:old.sock", "127.0.0.1:3000"] } },
        apps: {
          web: { kind: "wsgi", cwd: "web", app: "web:app", workers: 3, timeout: "5s", queue: { limit: 7 } },
          api: { kind: "node", cwd: "web", entry: "./server.mjs" },
          blog: { kind: "command", command: ["./run"], instances: 2 },
        },
        programs: { jobs: { command: ["jobs"], dependsOn: { redis: "ready", web: "ready" } } },
        smoke: [{ get: "/" }],
      };\n`,
    },
    ["deploy.config.ts", "/tmp/state"],
    { REDIS_URL: "redis://127.0.0.1:6379" },
  );

  if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
  const { config } = answer;
  expect(config).toMatchObject({
    file: join(root, "deploy.config.ts"),
    folder: root,
    name: expect.stringMatching(/^stack-test-\w+$/),
    redis: { kind: "url", url: "redis://127.0.0.1:6379" },
    smoke: [{ path: "/", host: null, status: 200, contains: null }],
  });
  expect(config.edge.listeners).toEqual([
    { name: "edge.listen[0]", address: { kind: "tcp", host: "0.0.0.0", port: 8080 } },
    { name: "edge.listen[1]", address: { kind: "tcp", host: "::1", port: 81 } },
    { name: "edge.listen[2]", address: { kind: "unix", path: join(root, "run/edge.sock") } },
  ]);
  expect(config.edge.plan.accessLog?.file).toBe("/tmp/state/logs/access.log");
  expect(config.edge.plan.routes).toMatchObject([
    {
      host: null,
      path: "/s",
      match: "prefix",
      action: { kind: "static", root: join(root, "public") },
      source: "deploy.config.ts:6",
    },
    { host: "shop.example.com", path: "/", match: "prefix", action: { kind: "app", app: "web" } },
    {
      path: "/old",
      match: "exact",
      stripPrefix: true,
      action: { kind: "upstream", upstream: "old" },
    },
  ]);
  expect(config.edge.plan.upstreams).toEqual({
    old: { servers: [`unix:${join(root, "old.sock")}`, "127.0.0.1:3000"] },
  });
  expect(config.edge.plan.apps).toMatchObject({
    web: { timeoutMs: 5000, queueLimit: 7, queueTimeoutMs: 30_000 },
  });
  expect(config.apps).toMatchObject({
    web: {
      kind: "wsgi",
      workers: 3,
      instances: 1,
      python: join(root, "web/.venv/bin/python"),
      preload: true,
    },
    api: { kind: "node", entry: join(root, "web/server.mjs") },
    blog: { kind: "command", command: ["./run"], instances: 2, workers: 1, cwd: root },
  });
  expect(config.apps).toMatchObject({
    web: { place: { file: "deploy.config.ts", line: 13, column: 11 } },
  });
  expect(config.programs).toMatchObject({ jobs: { dependsOn: ["redis", "web"] } });
  expect(config.places["edge.listen[2]"]).toMatchObject({ line: 3, value: '"unix:run/edge.sock"' });
});
