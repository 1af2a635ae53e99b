/** Workers come and go under load, and no client notices. */
import { eventually, startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";

const wsgi = `import os


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
`;
const asgi = `import os


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
`;
const node = "export default (request, response) => response.end(String(process.pid));\n";
const command = `import { createServer } from "node:http";
const server = createServer((request, response) => response.end(String(process.pid)));
server.listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => server.close());
`;

const kinds = {
  wsgi: 'kind: "wsgi", app: "w:application", python: "/usr/bin/python3", workers: 2',
  threads: 'kind: "wsgi", app: "w:application", python: "/usr/bin/python3", workers: 1, threads: 4',
  asgi: 'kind: "asgi", app: "a:app", python: "/usr/bin/python3", workers: 1',
  node: 'kind: "node", entry: "n.mjs", workers: 1',
  command: `kind: "command", command: [${JSON.stringify(process.execPath)}, "c.mjs"]`,
};

test("no request fails while workers of every kind are replaced by maxRequests", async () => {
  const names = Object.keys(kinds);
  await using project = await createProject(
    (port) => `{
      name: "shop",
      redis: false,
      edge: {
        listen: ["127.0.0.1:${port}"],
        threads: 2,
        routes: [${names.map((name) => `{ path: "/${name}", app: "${name}" }`).join(", ")}],
      },
      apps: {
        ${Object.entries(kinds)
          .map(([name, app]) => `${name}: { ${app}, maxRequests: 50 }`)
          .join(",\n        ")}
      },
    }`,
    { "w.py": wsgi, "a.py": asgi, "n.mjs": node, "c.mjs": command },
  );
  await project.up();
  const loads = names.map((name) =>
    startLoad({ port: project.port, path: `/${name}`, connections: 2, timeoutMs: 60_000 }),
  );
  // Each had two workers at most: more pids are successors.
  while (loads.some((load) => load.seen().bodies.size < 4)) {
    await Promise.all(loads.map((load) => load.more(20)));
    for (const { ready, desired } of (await project.status()).apps) {
      expect(ready).toBeGreaterThanOrEqual(desired);
    }
  }
  const results = await Promise.all(loads.map((load) => load.stop()));

  expect(results.flatMap((result) => result.failures)).toEqual([]);
  for (const { workers } of (await project.status()).apps) {
    expect(workers.filter((worker) => worker.restarts > 0)).toEqual([]);
    expect(workers.some(({ lastExit }) => /^max requests/.test(lastExit?.reason ?? ""))).toBe(true);
  }
}, 240_000);

const naps = `import time


def application(environ, start_response):
    time.sleep(0.05)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"rested"]
`;

test("workers follow how long requests wait, up and down, and no request fails", async () => {
  const workers = '{ min: 1, max: 3, wait: "20ms", calm: "4s" }';
  await using project = await createProject(
    (port) => `{
      name: "shop",
      redis: false,
      edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "web" }] },
      apps: {
        web: { kind: "wsgi", app: "naps:application", python: "/usr/bin/python3", workers: ${workers} },
      },
    }`,
    { "naps.py": naps },
  );
  const until = (count: number) =>
    eventually(
      `${count} workers`,
      async () => {
        const [web] = (await project.status()).apps;
        return web?.desired === count && web.ready === count && web.workers.length === count;
      },
      60_000,
    );
  await project.up();
  await until(1);
  const load = startLoad({ port: project.port, path: "/", connections: 4, timeoutMs: 60_000 });
  await until(3);
  expect((await load.stop()).failures).toEqual([]);
  await until(1);

  expect((await project.stack("scale", "web=2")).code).toBe(0);
  await until(2);
  expect((await project.stack("scale", "web=auto")).code).toBe(0);
  await until(1);
}, 240_000);
