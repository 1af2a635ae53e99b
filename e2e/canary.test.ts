/** `stack reload --canary`: a share of the visitors first; good code stays, bad code goes, nobody waits. */
import { eventually, startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createProject, type Project } from "./support/stack.ts";

const policy = '{ requests: 30, time: "2s", deadline: "60s" }';
const shop = (port: number): string => `{
  name: "shop",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", instances: 2, workers: 1,
    canary: ${policy} } },
}`;
const failing = `def application(environ, start_response):
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"bad"]
`;
const longMs = 60_000;

interface Answer {
  readonly body: string;
  readonly cookie: string | undefined;
}

async function ask(project: Project, cookie?: string): Promise<Answer> {
  const headers = cookie === undefined ? {} : { cookie };
  const answer = await fetch(`http://127.0.0.1:${project.port}/`, { headers });
  const [given] = answer.headers.getSetCookie();
  return { body: await answer.text(), cookie: given?.split(";")[0] };
}

async function canaryOf(project: Project) {
  return (await project.status()).apps[0]?.canary;
}

async function workersOf(project: Project): Promise<readonly number[]> {
  const [web] = (await project.status()).apps;
  return (web?.workers ?? []).filter(({ state }) => state === "ready").map((one) => one.generation);
}

test("good code gets a share, keeps its visitors, then all of them: no request is lost", async () => {
  // Long enough for a command to see it, on a machine that is busy.
  const seen = (port: number): string => shop(port).replace('time: "2s"', 'time: "15s"');
  await using project = await createProject(seen, { "web.py": wsgiApp("v1") });
  await project.up();
  await using load = startLoad({ port: project.port, path: "/", timeoutMs: longMs });
  await load.more(100);

  project.write("web.py", wsgiApp("v2"));
  const reload = project.stack("reload", "--canary", "30%");
  await eventually("a trial", async () => (await canaryOf(project)) !== undefined, longMs);
  const visitor = await eventually(
    "a visitor of the new code",
    async () => {
      const answer = await ask(project);
      return answer.body === "v2" && answer;
    },
    longMs,
  );
  const again = await Promise.all(
    Array.from({ length: 10 }, () => ask(project, visitor.cookie ?? "")),
  );
  const during = await canaryOf(project);
  const { code, stderr } = await reload;
  load.forgetBodies();
  await load.more(200);
  const result = await load.stop();

  expect(stderr).toContain("canary of web: 30% to r2");
  expect(code).toBe(0);
  if (during !== undefined) {
    expect(during).toMatchObject({ release: "r2", share: 0.3, wanted: 30, deadlineMs: 60_000 });
    expect(new Set(again.map(({ body }) => body))).toEqual(new Set(["v2"]));
  }
  expect(result.failures).toEqual([]);
  expect([...result.bodies.keys()]).toContain("v2");
  expect((await ask(project)).body).toBe("v2");
  const status = await project.status();
  expect(status).toMatchObject({ release: "r2", state: "ready" });
  expect(status.apps[0]?.canary).toBeUndefined();
  expect(status.apps[0]?.lastCanary).toMatchObject({ release: "r2", verdict: "promoted" });
  expect(status.apps[0]?.error).toBeNull();
  const told = status.events.map(({ text }) => text).join("\n");
  expect(told).toMatch(/canary: promoted: 0 errors/);
  expect(told).not.toContain("a canary was under way");
  await eventually(
    "the old to go",
    async () => (await workersOf(project)).join() === "2,2",
    longMs,
  );
}, 240_000);

test("a cached page is kept for each side of the trial, and for the new code afterwards", async () => {
  const kept = (port: number): string =>
    shop(port).replace(
      '{ path: "/*", app: "web" }',
      '{ path: "/kept", app: "web", cache: { mode: "force", ttl: "1h" } }, { path: "/*", app: "web" }',
    );
  const purging = (port: number): string =>
    kept(port).replace(
      "redis: false,",
      'redis: false, cache: { store: "memory", purgeOnRelease: true },',
    );
  await using project = await createProject(purging, { "web.py": wsgiApp("v1") });
  await project.up();
  const page = async (cookie?: string): Promise<Answer & { readonly cache: string }> => {
    const headers = cookie === undefined ? {} : { cookie };
    const answer = await fetch(`http://127.0.0.1:${project.port}/kept`, { headers });
    const [given] = answer.headers.getSetCookie();
    const cache = answer.headers.get("cache-status") ?? "";
    return { body: await answer.text(), cookie: given?.split(";")[0], cache };
  };
  expect((await page()).body).toBe("v1");
  project.write("web.py", wsgiApp("v2"));
  const reload = project.stack("reload", "--canary", "50%");
  await eventually("a trial", async () => (await canaryOf(project)) !== undefined, longMs);
  const visitorOf = (body: string): Promise<string> =>
    eventually(
      `a visitor of ${body}`,
      async () => {
        const answer = await page();
        return answer.body === body && answer.cookie;
      },
      longMs,
    );
  const [old, fresh] = [await visitorOf("v1"), await visitorOf("v2")];
  for (let times = 0; times < 3; times += 1) {
    const [before, after] = [await page(old), await page(fresh)];
    expect([before.body, after.body]).toEqual(["v1", "v2"]);
    expect(before.cache).toContain("hit");
    expect(after.cache).toContain("hit");
  }
  await using load = startLoad({ port: project.port, path: "/", timeoutMs: longMs });
  expect((await reload).code).toBe(0);
  await load.stop();
  await eventually("the new code", async () => (await page(old)).body === "v2", longMs);
}, 240_000);

test("bad code is taken back: exit 5 with the reason, and the old serves as before", async () => {
  await using project = await createProject(shop, { "web.py": wsgiApp("v1") });
  await project.up();
  await using load = startLoad({ port: project.port, path: "/", timeoutMs: longMs });
  await load.more(100);

  project.write("web.py", failing);
  const reload = await project.stack("reload", "web", "--canary", "20%");
  const before = load.seen().failures.length;
  await load.more(200);
  const result = await load.stop();

  expect(reload.code).toBe(5);
  expect(reload.stderr).toMatch(/E3501[\s\S]*errors in \d+ requests/);
  expect(result.failures.every(({ what }) => what === "500")).toBe(true);
  expect(result.failures.length - before).toBeLessThan(10); // what was under way as it returned
  expect([...result.bodies.keys()]).toEqual(["v1"]);
  await eventually("one side", async () => (await workersOf(project)).join() === "1,1", longMs);
  expect(await project.status()).toMatchObject({
    release: "r1",
    state: "ready",
    apps: [{ lastCanary: { release: "r2", verdict: "taken-back" } }],
  });
}, 240_000);

test("code that does not start never gets a request", async () => {
  await using project = await createProject(shop, { "web.py": wsgiApp("v1") });
  await project.up();

  project.write("web.py", "import nothing_there\n");
  const reload = await project.stack("reload", "--canary", "20%");

  expect(reload.code).toBe(5);
  expect(reload.stderr).toContain("nothing_there");
  expect(await project.status()).toMatchObject({
    state: "ready",
    apps: [{ error: { code: "E3002" } }],
  });
  expect((await ask(project)).body).toBe("v1");
  expect((await project.stack("reload", "--canary", "0%")).code).toBe(2);
}, 240_000);

test("a stackd that is killed takes the canary back", async () => {
  const patient = (port: number): string => shop(port).replace("requests: 30", "requests: 100_000");
  await using project = await createProject(patient, { "web.py": wsgiApp("v1") });
  const { processes } = await project.up();
  await using load = startLoad({ port: project.port, path: "/", timeoutMs: longMs });
  await load.more(50);
  project.write("web.py", wsgiApp("v2"));
  const reload = project.stack("reload", "--canary", "50%");
  await eventually("a trial", () => load.seen().bodies.has("v2"), longMs);

  const stackd = processes.find(({ kind }) => kind === "stackd")?.pid ?? 0;
  process.kill(stackd, "SIGKILL");
  const { code } = await reload;
  await eventually(
    "the old alone",
    async () => (await workersOf(project)).join() === "1,1",
    longMs,
  );
  await load.more(50);
  load.forgetBodies();
  await load.more(200);
  const result = await load.stop();

  expect(code).not.toBe(0);
  expect(result.failures).toEqual([]);
  expect([...result.bodies.keys()]).toEqual(["v1"]);
  expect((await project.status()).events.map(({ text }) => text).join("\n")).toContain(
    "a canary was under way: taken back",
  );
  project.write("web.py", wsgiApp("v3"));
  expect((await project.stack("reload")).code).toBe(0);
  expect((await ask(project)).body).toBe("v3");
}, 240_000);
