/** `stack up --watch`: a saved file is served, a broken one is explained, and nobody else notices. */
import { once } from "node:events";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createProject, type Project, spawnCli } from "./support/stack.ts";

const shop = (port: number): string => `{
  name: "shop",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [
    { path: "/other/*", app: "other" }, { path: "/*", app: "web" },
  ] },
  apps: {
    web: { kind: "wsgi", cwd: "web", app: "web:application", python: "/usr/bin/python3", workers: 1 },
    other: { kind: "wsgi", cwd: "other", app: "other:application", python: "/usr/bin/python3", workers: 1 },
  },
}`;
const files = { "web/web.py": wsgiApp("v1"), "other/other.py": wsgiApp("other") };
const asBrowser = { accept: "text/html,*/*;q=0.8" };
const deadlineMs = 60_000;

interface Watched extends AsyncDisposable {
  readonly said: () => string;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<string>;
}

async function watchProject(project: Project): Promise<Watched> {
  const child = spawnCli(["up", "--watch", "--no-tui"], project.folder);
  const ended = once(child, "close");
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const get: Watched["get"] = async (path, headers = {}) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${project.port}${path}`, { headers });
      return await answer.text();
    } catch {
      return ""; // it does not listen yet
    }
  };
  return {
    said: () => said,
    get,
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

test("a change reloads the app it belongs to and no other; bad code is shown to its developer alone", async () => {
  await using project = await createProject(shop, files);
  await using watched = await watchProject(project);
  await eventually("ready", () => watched.said().includes("ready in"), deadlineMs);
  const before = await project.status();

  project.write("web/web.py", wsgiApp("v2"));
  await eventually("v2", async () => (await watched.get("/")) === "v2", deadlineMs);
  await eventually(
    "words",
    () => /web\s+reloaded {2}web\/web\.py/.test(watched.said()),
    deadlineMs,
  );

  const { apps } = await project.status();
  const generations = apps.map((app) => [app.name, app.workers.map((one) => one.generation)]);
  expect(generations).toEqual([
    ["web", [2]],
    ["other", [1]],
  ]);
  expect(before.apps.map((app) => app.name)).toEqual(["web", "other"]);

  project.write("web/web.py", `${wsgiApp("v3")}\ndef broken(:\n`);
  await eventually(
    "the page",
    async () => /SyntaxError/.test(await watched.get("/", asBrowser)),
    deadlineMs,
  );
  expect(await watched.get("/")).toBe("v2");
  expect(await watched.get("/other/", asBrowser)).toBe("other");
  expect(await watched.get("/", { ...asBrowser, "x-forwarded-for": "192.0.2.1" })).toBe("v2");
  await eventually("traceback", () => watched.said().includes("def broken(:"), deadlineMs);
  expect((await project.status()).events.some(({ text }) => text.includes("reload failed"))).toBe(
    true,
  );

  project.write("web/web.py", wsgiApp("v4"));
  await eventually("v4", async () => (await watched.get("/", asBrowser)) === "v4", deadlineMs);
}, 300_000);

test("what does not start is no end: it is repaired in place; a changed config is applied", async () => {
  await using project = await createProject(shop, { ...files, "web/web.py": "import nothing\n" });
  await using watched = await watchProject(project);
  await eventually("no start", () => watched.said().includes("the next change"), deadlineMs);
  await eventually(
    "the page",
    async () => /nothing/.test(await watched.get("/", asBrowser)),
    deadlineMs,
  );

  project.write("web/web.py", wsgiApp("v1"));
  await eventually("v1", async () => (await watched.get("/", asBrowser)) === "v1", deadlineMs);

  const config = shop(project.port).replace(
    "routes: [",
    'routes: [{ path: "/ping", respond: { body: "pong" } }, ',
  );
  const source = (text: string): string =>
    `import { defineConfig } from "@stack/config";\nexport default defineConfig(${text});\n`;
  project.write("deploy.config.ts", source(config));
  await eventually("pong", async () => (await watched.get("/ping")) === "pong", deadlineMs);

  project.write("deploy.config.ts", source(config.replace('"wsgi"', '"wsgy"')));
  await eventually("the mistake", () => /E1\d{3}/.test(watched.said()), deadlineMs);
  await eventually(
    "its page",
    async () => /E1\d{3}/.test(await watched.get("/", asBrowser)),
    deadlineMs,
  );
  project.write("deploy.config.ts", source(config));
  await eventually("v1", async () => (await watched.get("/", asBrowser)) === "v1", deadlineMs);
}, 300_000);

test("without --watch nobody is shown why a reload failed", async () => {
  await using project = await createProject(shop, files);
  await project.up();

  project.write("web/web.py", "def broken(:\n");
  const { code } = await project.stack("reload", "web");

  expect(code).toBe(5);
  const answer = await fetch(`http://127.0.0.1:${project.port}/`, { headers: asBrowser });
  expect(await answer.text()).toBe("v1");
}, 180_000);
