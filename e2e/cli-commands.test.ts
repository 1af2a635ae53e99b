/** Commands, their exit codes and what they print, against a stack that runs for real. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, isAlive, readExposition } from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProject, type Project, spawnCli } from "./support/stack.ts";

const config = (port: number): string => `{
  name: "shop",
  edge: { listen: ["127.0.0.1:${port}"], routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "app:application", workers: 2 } },
  redis: false,
  smoke: [{ get: "/", expect: { status: 200, contains: "hello" } }],
}`;

const app = `def application(environ, start_response):
    print("asked for", environ["PATH_INFO"], flush=True)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
`;

function json(stdout: string): {
  readonly schema: string;
  readonly ok: boolean;
  readonly data: never;
} {
  return JSON.parse(stdout);
}

describe("where nothing runs", () => {
  let project: Project;
  beforeAll(async () => {
    project = await createProject(config, { "app.py": app });
  });
  afterAll(() => project[Symbol.asyncDispose]());

  test.for([
    [["--version"], 0],
    [["--help"], 0],
    [["help", "up"], 0],
    [["help", "exit"], 0],
    [["check"], 0],
    [[], 0],
    [["statsu"], 2],
    [["status", "--jsn"], 2],
    [["scale", "web"], 2],
    [["restart"], 2],
    [["up", "--watch", "-d"], 2],
    [["reload", "--canary", "5"], 2],
    [["explain", "GET", "/"], 0],
    [["explain", "GET", "nowhere"], 2],
    [["explain", "GET", "/", "-H", "no header"], 2],
    [["maintenance", "of"], 2],
    [["maintenance", "on"], 7],
    [["serve"], 2],
    [["cache", "stats"], 7],
    [["status", "--timeout", "soon"], 2],
    [["up", "--port", "http"], 2],
    [["status", "-c", "no-such.config.ts"], 3],
    [["status"], 7],
    [["down"], 7],
    [["top"], 7],
    [["metrics"], 7],
    [["reload"], 7],
    [["stop", "web"], 7],
    [["logs"], 7],
  ] as const)("stack %j ends with %d", async ([args, code]) => {
    const result = await project.stack(...args);
    expect(result.code, result.stderr).toBe(code);
    if (code === 0) expect(result.stdout).not.toBe("");
    else {
      expect(result.stdout).toBe("");
      expect(result.stderr).toMatch(/^✖ .+ {2,}E\d{4}\n/);
    }
    if (code === 2) expect(result.stderr).toContain("usage: stack");
  });

  test("with --json an error is one document on stdout, the words stay on stderr", async () => {
    const result = await project.stack("--json", "status");
    expect(result.code).toBe(7);
    expect(JSON.parse(result.stdout)).toMatchObject({
      schema: "stack.error/1",
      ok: false,
      error: { code: "E2007", exit: 7 },
    });
    expect(result.stderr).toContain("E2007");
  });

  test("check --print shows the config with its defaults", async () => {
    const result = await project.stack("check", "--print");
    expect(JSON.parse(result.stdout)).toMatchObject({
      name: "shop",
      apps: { web: { workers: 2 } },
    });
  });

  test("smoke passes, writes JUnit, and leaves nothing where it ran", async () => {
    const result = await project.stack("smoke", "--junit", "smoke.xml", "--timeout", "50s");
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout.match(/^✓ /gm)).toHaveLength(6);
    const xml = readFileSync(join(project.folder, "smoke.xml"), "utf8");
    expect(xml).toContain('tests="6" failures="0"');
    expect(existsSync(join(project.folder, ".stack"))).toBe(false);
    expect(project.leftovers()).toEqual([]);
  });

  test("smoke fails with 8 on an answer that is not the declared one", async () => {
    await using other = await createProject(
      (port) => config(port).replace('contains: "hello"', 'contains: "good bye"'),
      { "app.py": app },
    );
    const result = await other.stack("smoke", "--json");
    expect(result.code, result.stderr).toBe(8);
    expect(result.stderr).toContain('200, but its body has no "good bye": "hello"');
    expect(JSON.parse(result.stdout)).toMatchObject({
      ok: false,
      error: { code: "E6101", exit: 8 },
    });
    expect(other.leftovers()).toEqual([]);
  });
});

describe("where a stack runs", () => {
  let project: Project;
  beforeAll(async () => {
    project = await createProject(config, { "app.py": app });
    await project.up();
    await fetch(`http://127.0.0.1:${project.port}/first`);
  });
  afterAll(() => project[Symbol.asyncDispose]());

  test("flags are taken before and after the command", async () => {
    const config = join(project.folder, "deploy.config.ts");
    for (const args of [
      ["-c", config, "status", "--json"],
      ["status", "--json", "--config", config],
      ["--json", "-C", project.folder, "status"],
    ]) {
      const result = await project.stack(...args);
      expect(result.code, result.stderr).toBe(0);
      expect(json(result.stdout)).toMatchObject({ schema: "stack.status/1", ok: true });
    }
  });

  test("metrics are those of the edge and of every process", async () => {
    const result = await project.stack("metrics");
    expect(result.code, result.stderr).toBe(0);
    const samples = readExposition(result.stdout);
    const find = (name: string, labels: object) =>
      samples.find((sample) => {
        const { labels: own } = sample;
        return (
          sample.name === name && Object.entries(labels).every(([key, value]) => own[key] === value)
        );
      })?.value;
    expect(find("stack_app_requests_total", { app: "web" })).toBeGreaterThan(0);
    expect(find("stack_route_requests_total", { target: "app:web", class: "2xx" })).toBeGreaterThan(
      0,
    );
    expect(find("stack_process_restarts_total", { process: "keeper" })).toBe(0);
    expect(find("stack_app_workers_ready", { app: "web" })).toBe(2);
    const document = await project.stack("metrics", "--json");
    expect(json(document.stdout)).toMatchObject({ schema: "stack.metrics/1", ok: true });
  });

  test("explain says which route and app would answer, with its line", async () => {
    const words = await project.stack("explain", "POST", "/a%20b?x", "-H", "Cookie: a=b");
    expect(words.code, words.stderr).toBe(0);
    expect(words.stdout).toMatch(/^route +\/\* {2}deploy\.config\.ts:\d+$/m);
    expect(words.stdout).toMatch(/^answer +app web$/m);
    const document = await project.stack("explain", "GET", "/", "--json");
    expect(json(document.stdout)).toMatchObject({
      schema: "stack.explain/1",
      ok: true,
      data: { action: { kind: "app", app: "web" }, forwarded: { target: "/" } },
    });
  });

  test("maintenance refuses, holds and lets go, and status says so", async () => {
    const url = `http://127.0.0.1:${project.port}/`;
    writeFileSync(join(project.folder, "down.html"), "<p>down for a moment</p>");
    expect((await project.stack("maintenance", "on", "--page", "down.html")).code).toBe(0);
    const refused = await fetch(url);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(await refused.text()).toBe("<p>down for a moment</p>");
    expect((await project.stack("status")).stdout).toContain("maintenance since ");

    expect((await project.stack("maintenance", "pause")).code).toBe(0);
    const held = fetch(url);
    expect((await project.stack("maintenance")).stdout).toContain("requests wait");
    expect((await project.stack("maintenance", "resume")).code).toBe(0);
    expect(await (await held).text()).toBe("hello");
    const { stdout } = await project.stack("maintenance", "--json");
    expect(json(stdout)).toMatchObject({ schema: "stack.maintenance/1", data: { mode: "off" } });
  });

  test("status without a terminal is a plain table, top too", async () => {
    for (const command of ["status", "top"]) {
      const { stdout, code } = await project.stack(command);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^shop {2}● ready/);
      expect(stdout).toMatch(/web-1\.2 +● ready/);
      expect(stdout).not.toContain("\u001b");
    }
  });

  test("logs are filtered by app and by worker, -n limits them, --json holds them", async () => {
    const all = await eventually("the app's line in the log", async () => {
      const { stdout } = await project.stack("logs", "web");
      return stdout.includes("asked for /first") ? stdout : undefined;
    });
    const worker = /(web-1\.\d) +\| asked for \/first/.exec(all)?.[1] ?? "";
    const other = worker === "web-1.1" ? "web-1.2" : "web-1.1";
    expect((await project.stack("logs", worker)).stdout).toContain("asked for /first");
    expect((await project.stack("logs", other)).stdout).not.toContain("asked for /first");
    expect((await project.stack("logs", "-n", "2")).stdout.trim().split("\n")).toHaveLength(2);
    const { stdout } = await project.stack("logs", worker, "--json", "-n", "1");
    expect(json(stdout)).toMatchObject({
      schema: "stack.logs/1",
      data: { lines: [{ source: worker }] },
    });
  });

  test("logs -f prints lines as they come and ends on Ctrl-C with 0", async () => {
    const follower = spawnCli(["logs", "-f", "-n", "0", "web"], project.folder);
    let seen = "";
    follower.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      seen += chunk;
    });
    const ended = new Promise((done) => follower.once("close", done));
    await eventually("the follower to print a request", async () => {
      await fetch(`http://127.0.0.1:${project.port}/followed`);
      return seen.includes("asked for /followed");
    });
    follower.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  test("reload, scale, stop and start change what runs, each with its document", async () => {
    const reload = await project.stack("reload", "--json");
    expect([reload.code, json(reload.stdout).schema]).toEqual([0, "stack.reload/1"]);
    expect((await project.stack("scale", "web=3")).code).toBe(0);
    await eventually("three workers", async () => {
      const [web] = (await project.status()).apps;
      return web?.desired === 3 && web.ready === 3;
    });
    expect((await project.stack("stop", "web")).code).toBe(0);
    expect((await project.stack("start", "web", "-v")).code).toBe(0);
    expect((await fetch(`http://127.0.0.1:${project.port}/`)).status).toBe(200);
  });

  test("a service that does not exist is named with the nearest that does", async () => {
    const result = await project.stack("restart", "wbe");
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('Did you mean "web"?');
  });

  test("down says what ended, leaves nothing, and the logs are still there", async () => {
    const down = await project.stack("down");
    expect(down.code).toBe(0);
    expect(down.stdout).toMatch(/^shop stopped: \d+ processes ended in \d/);
    expect(project.leftovers()).toEqual([]);
    expect((await project.stack("logs", "-n", "5")).code).toBe(0);
  });
});

describe("up in the foreground without a terminal", () => {
  test("prints a line per service and the log; Ctrl-C drains and ends with 0", async () => {
    await using project = await createProject(config, { "app.py": app });
    const up = spawnCli(["up"], project.folder);
    let talk = "";
    let data = "";
    up.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      talk += chunk;
    });
    up.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      data += chunk;
    });
    const ended = new Promise((done) => up.once("close", done));
    await eventually("it to be ready", () => talk.includes("ready in"), 30_000);
    expect(talk).toMatch(/^✓ web +2\/2 workers ready/m);
    expect(talk).toMatch(/^✓ edge +http:\/\/127\.0\.0\.1:\d+ {2}-> {2}\/ web/m);
    await fetch(`http://127.0.0.1:${project.port}/seen`);
    await eventually("the log line", () => /^web-1\.\d +\| asked for \/seen$/m.test(data));
    up.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(talk).toMatch(/stopping: no new requests.*\n.*drained in/s);
    expect(project.leftovers()).toEqual([]);
  });

  test("a second Ctrl-C does not wait for a slow request", async () => {
    await using project = await createProject(config, {
      "app.py": `import threading\n\n\ndef application(environ, start_response):\n    threading.Event().wait(25)\n    start_response("200 OK", [])\n    return [b""]\n`,
    });
    const up = spawnCli(["up"], project.folder);
    let talk = "";
    up.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      talk += chunk;
    });
    const ended = new Promise((done) => up.once("close", done));
    await eventually("it to be ready", () => talk.includes("ready in"), 30_000);
    const slow = fetch(`http://127.0.0.1:${project.port}/`).catch(() => undefined);
    await eventually("the request to be in flight", async () => {
      const [web] = (await project.status()).apps;
      return (web?.inFlight ?? 0) > 0;
    });
    const started = performance.now();
    up.kill("SIGINT");
    await eventually("the drain to begin", () => talk.includes("stopping: no new requests"));
    up.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(performance.now() - started).toBeLessThan(15_000);
    await slow;
    expect(isAlive(up.pid ?? 0)).toBe(false);
    expect(project.leftovers()).toEqual([]);
  });
});
