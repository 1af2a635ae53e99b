/**
 * What an operator reads when something is wrong: every fault here is provoked for real, and the
 * message compared with the text that is meant to be read. Pids, times, ports and folders are masked.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { type CliResult, createProject, type Project } from "./support/stack.ts";

const cli = fileURLToPath(new URL("../packages/cli/bin/stack.js", import.meta.url));

const app = `def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
`;

/** One WSGI app behind everything; `extra` goes into the app's entry. */
function wsgi(extra = "", target = "app:application") {
  return (port: number): string => `{
  name: "shop",
  edge: { listen: ["127.0.0.1:${port}"], routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "${target}", workers: 1, ${extra} } },
  redis: false,
}`;
}

/** stderr from the error block on, with what differs from run to run masked. */
function block(result: CliResult, project: Pick<Project, "folder" | "port">): string {
  const start = result.stderr.lastIndexOf("\n✖ ") + 1;
  return result.stderr
    .slice(start)
    .replaceAll(project.folder, "FOLDER")
    .replaceAll(String(project.port + 1), "PORT+1")
    .replaceAll(String(project.port), "PORT")
    .replace(/\(user \S+, `[^`]*`/g, "(user U, `COMMAND`")
    .replace(/(looked in FOLDER).*?, \/ +/, "$1 …, /      ")
    .replace(/pid \d+/g, "pid N")
    .replace(/(kill(?: -9)?) \d+/g, "$1 N")
    .replace(/\b\d+(?:\.\d+)?(ms|s)\b/g, "N$1")
    .replace(/since \d\d:\d\d/g, "since HH:MM")
    .replace(/^(✖ .*?) +(E\d{4})$/gm, "$1  $2");
}

test("a port in use is named with its line in the config, and nothing is left", async () => {
  await using project = await createProject(wsgi(), { "app.py": app });
  const squatter = createServer();
  await new Promise<void>((done) => squatter.listen(project.port, "127.0.0.1", done));
  const up = await project.stack("up", "-d");
  const check = await project.stack("check");
  await new Promise((done) => squatter.close(done));

  expect(up.code).toBe(4);
  expect(block(up, project)).toMatchSnapshot();
  expect(check.code).toBe(4);
  expect(check.stderr).toContain("E2001");
  expect(project.leftovers()).toEqual([]);
});

test("a module that is not there ends the start with 5, and a check with 4", async () => {
  await using project = await createProject(wsgi("", "shpo.wsgi:application"), {
    "shop/__init__.py": "",
    "shop/wsgi.py": app,
  });
  const up = await project.stack("up", "-d");
  const check = await project.stack("check");

  expect(up.code).toBe(5);
  expect(block(up, project)).toMatchSnapshot("up");
  expect(check.code).toBe(4);
  expect(block(check, project)).toMatchSnapshot("check");
  expect(project.leftovers()).toEqual([]);
});

test("an import that raises shows the app's own traceback", async () => {
  await using project = await createProject(wsgi('python: "/usr/bin/python3"'), {
    "app.py": "import no_such_library\n",
  });
  const up = await project.stack("up", "-d");

  expect(up.code).toBe(5);
  expect(up.stderr).toContain("ModuleNotFoundError: No module named 'no_such_library'");
  expect(block(up, project)).toMatchSnapshot();
  expect(project.leftovers()).toEqual([]);
});

test("a Python that is not there is told with where it was looked for", async () => {
  await using project = await createProject(wsgi('python: "no/such/python"'), { "app.py": app });
  const up = await project.stack("up", "-d");
  const check = await project.stack("check");

  expect([up.code, check.code]).toEqual([4, 4]);
  expect(block(up, project)).toMatchSnapshot("up");
  expect(block(check, project)).toMatchSnapshot("check");
  expect(project.leftovers()).toEqual([]);
});

test("all mistakes of a config are told at once, each with its line", async () => {
  await using project = await createProject(wsgi('wrokers: 3, timeout: "soon"'), { "app.py": app });
  const up = await project.stack("up", "-d");

  expect(up.code).toBe(3);
  expect(block(up, project)).toMatchSnapshot();
  const json = await project.stack("check", "--json");
  expect(json.code).toBe(3);
  expect(JSON.parse(json.stdout)).toMatchObject({
    schema: "stack.error/1",
    ok: false,
    error: { code: "E1002", exit: 3 },
  });
});

test("a config that is missing says what would be one", async () => {
  using folder = tempFolder();
  const result = await run(["up", "-d"], folder.path);

  expect(result.code).toBe(3);
  expect(block(result, { folder: folder.path, port: 65_535 })).toMatchSnapshot();
});

test("a stack that runs already is named with its pid, exit 75", async () => {
  await using project = await createProject(wsgi(), { "app.py": app });
  await project.up();
  const second = await project.stack("up", "-d");

  expect(second.code).toBe(75);
  expect(block(second, project)).toMatchSnapshot();
  expect((await project.status()).state).toBe("ready");
});

test("a worker that dies again and again is given up, with its last words", async () => {
  await using project = await createProject(wsgi("preload: false"), {
    "app.py": `import os, sys\nprint("cannot reach the database", file=sys.stderr, flush=True)\nos._exit(3)\n`,
  });
  const up = await project.stack("up", "-d");

  expect(up.code).toBe(5);
  expect(up.stderr).toContain("cannot reach the database");
  expect(up.stderr).toMatch(/E3\d{3}/);
  expect(project.leftovers()).toEqual([]);
});

test("an app that is not ready in time says so after its boot timeout", async () => {
  await using project = await createProject(wsgi('bootTimeout: "1s"'), {
    "app.py": `import threading\nthreading.Event().wait(60)\n${app}`,
  });
  const up = await project.stack("up", "-d");

  expect(up.code).toBe(5);
  expect(block(up, project)).toMatchSnapshot();
  expect(project.leftovers()).toEqual([]);
});

test("--timeout ends the wait with 9 and stops what was started", async () => {
  await using project = await createProject(wsgi(), {
    "app.py": `import threading\nthreading.Event().wait(60)\n${app}`,
  });
  const up = await project.stack("up", "-d", "--timeout", "1500ms");

  expect(up.code).toBe(9);
  expect(up.stderr).toContain("E6005");
  expect(project.leftovers()).toEqual([]);
});

const isRoot = process.getuid?.() === 0;

test("port 80 is refused to a user without the right, with the ways out", async () => {
  await using project = await createProject(
    () =>
      `{ name: "shop", edge: { listen: ["127.0.0.1:80"], routes: [{ path: "/*", respond: {} }] }, redis: false }`,
  );
  chmodSync(project.folder, 0o755);
  mkdirSync(join(project.folder, ".stack"), { mode: 0o700 });
  // Root may listen anywhere.
  if (isRoot) chownSync(join(project.folder, ".stack"), 65_534, 65_534);
  const user = ["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"];
  const unprivileged = [...(isRoot ? ["setpriv", ...user] : []), process.execPath, cli];
  const result = await run(["up", "-d"], project.folder, unprivileged);

  expect(result.code).toBe(4);
  expect(block(result, project)).toMatchSnapshot();
});

function run(
  args: readonly string[],
  cwd: string,
  command: readonly string[] = [process.execPath, cli],
): Promise<CliResult> {
  const [file = "", ...rest] = command;
  const child: ChildProcess = spawn(file, [...rest, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
