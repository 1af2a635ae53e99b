/** `stack reload` under load: new code without a failed request, bad code without any effect. */
import { startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createProject } from "./support/stack.ts";

const shop = (port: number): string => `{
  name: "shop",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", instances: 2, workers: 2 } },
}`;

test("only the new code answers after a reload, and no request fails meanwhile", async () => {
  await using project = await createProject(shop, { "web.py": wsgiApp("v1") });
  await project.up();
  await using load = startLoad({ port: project.port, path: "/" });
  await load.more(200);

  project.write("web.py", wsgiApp("v2"));
  const reload = await project.stack("reload");
  load.forgetBodies();
  await load.more(500);
  const result = await load.stop();

  expect(reload).toMatchObject({ code: 0 });
  expect(result.failures).toEqual([]);
  expect([...result.bodies.keys()]).toEqual(["v2"]);
});

test("code that fails to import changes nothing: exit 5, its traceback, and the old keeps serving", async () => {
  await using project = await createProject(shop, { "web.py": wsgiApp("v1") });
  await project.up();
  await using load = startLoad({ port: project.port, path: "/" });
  await load.more(200);

  project.write("web.py", "import no_such_module_here\n");
  const reload = await project.stack("reload");
  await load.more(500);
  const result = await load.stop();

  expect(reload.code).toBe(5);
  expect(reload.stderr).toContain("ModuleNotFoundError: No module named 'no_such_module_here'");
  expect(result.failures).toEqual([]);
  expect([...result.bodies.keys()]).toEqual(["v1"]);
  expect((await project.status()).state).toBe("ready");
});

test("a changed route is served after a reload, by the same edge and the same workers", async () => {
  await using project = await createProject(shop, { "web.py": wsgiApp("v1") });
  const before = await project.up();
  const config = shop(project.port).replace(
    "routes: [",
    'routes: [{ path: "/ping", respond: { body: "pong" } }, ',
  );
  project.write(
    "deploy.config.ts",
    `import { defineConfig } from "@stack/config";\nexport default defineConfig(${config});\n`,
  );

  const reload = await project.stack("reload", "edge");
  const answer = await fetch(`http://127.0.0.1:${project.port}/ping`);

  expect(reload).toMatchObject({ code: 0 });
  expect(await answer.text()).toBe("pong");
  const pids = (status: typeof before): unknown => [
    status.processes.map(({ name, pid }) => [name, pid]),
    status.apps.map(({ workers }) => workers.map(({ pid }) => pid)),
  ];
  expect(pids(await project.status())).toEqual(pids(before));
});

test("a release command prepares what the new code reads; one that fails leaves the old", async () => {
  const withRelease = (port: number): string =>
    shop(port).replace("workers: 2", 'workers: 1, release: ["python prepare.py"]');
  const app = `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [DATA]


DATA = open("data").read().encode()
`;
  const prepare = (text: string): string => `open("data", "w").write(${JSON.stringify(text)})\n`;
  await using project = await createProject(withRelease, {
    "web.py": app,
    "prepare.py": prepare("one"),
  });
  await project.up();
  const get = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${project.port}/`)).text();
  expect(await get()).toBe("one");

  project.write("prepare.py", prepare("two"));
  expect(await project.stack("reload")).toMatchObject({ code: 0 });
  expect(await get()).toBe("two");

  project.write("prepare.py", "raise SystemExit('the table is locked')\n");
  const reload = await project.stack("reload");
  expect(reload.code).toBe(5);
  expect(reload.stderr).toContain("the table is locked");
  expect(await get()).toBe("two");
}, 180_000);
