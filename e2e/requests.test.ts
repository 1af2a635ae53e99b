/** Requests through the whole chain: edge thread, worker, application. */
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { eventually, startLoad } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeApp, wsgiApp } from "./support/apps.ts";
import { createProject, type Project } from "./support/stack.ts";

let project: Project;

beforeAll(async () => {
  project = await createProject(
    (port) => `{
  name: "shop",
  redis: false,
  edge: {
    listen: ["127.0.0.1:${port}"],
    threads: 2,
    limits: { bodyBytes: "60mb" },
    routes: [
      { path: "/node", app: "api" },
      { path: "/quick", app: "quick", stripPrefix: true },
      { path: "/*", app: "web" },
    ],
  },
  apps: {
    web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", instances: 2, workers: 2 },
    quick: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", workers: 1 },
    api: { kind: "node", entry: "server.mjs", workers: 1 },
  },
}`,
    { "web.py": wsgiApp("v1"), "server.mjs": nodeApp },
  );
  await project.up();
});

afterAll(() => project[Symbol.asyncDispose]());

test("2,000 requests are spread evenly over two instances of two workers", async () => {
  await using load = startLoad({ port: project.port, path: "/who" });
  // The system may let one of the four wait for a moment: then the next 2,000 show it.
  const bodies = await eventually("an even spread", async () => {
    load.forgetBodies();
    await load.more(2000);
    const seen = load.seen().bodies;
    const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
    return Math.min(...seen.values()) / total >= 0.2 && seen;
  });

  expect([...bodies.keys()].toSorted()).toEqual(["web-1.1", "web-1.2", "web-2.1", "web-2.2"]);
  expect((await load.stop()).failures).toEqual([]);
});

test("of 40 requests at once each of 4 workers has one, the others wait, and slow nobody else", async () => {
  const held = Array.from({ length: 40 }, () => get("/held"));
  await eventually("all to be there", async () => {
    const [web] = (await project.status()).apps;
    return web?.inFlight === 4 && web.queue === 36;
  });

  expect(await get("/quick")).toBe("v1");

  project.write("let-go", "");
  expect(await Promise.all(held)).toEqual(Array.from({ length: 40 }, () => "held"));
});

test("a Node app answers", async () => {
  expect(await get("/node")).toBe("node api-1.1");
});

test("a client that reads a page at 10 KB/s holds no worker", async () => {
  const socket = connect(project.port, "127.0.0.1");
  socket.pause();
  socket.write("GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n");

  await eventually("the page to have left its worker", async () => {
    const [web] = (await project.status()).apps;
    const served = web?.workers.reduce((sum, worker) => sum + worker.requests, 0) ?? 0;
    return served > 0 && web?.inFlight === 0;
  });
  socket.destroy();
});

test("a client that sends a body slowly holds no worker before it is whole", async () => {
  const socket = connect(project.port, "127.0.0.1");
  const answer = new Promise<string>((resolve) =>
    socket.once("data", (chunk) => resolve(String(chunk))),
  );
  const body = randomBytes(40_000);
  socket.write(
    `POST /digest HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body.subarray(0, 20_000));

  // All four slow pages at once take all four workers; afterwards the half-sent body has none.
  await Promise.all(Array.from({ length: 4 }, () => get("/slow")));
  await eventually("no worker to be held", async () => {
    const [web] = (await project.status()).apps;
    return web?.inFlight === 0 && web.queue === 0;
  });
  socket.write(body.subarray(20_000));
  const text = await answer;
  socket.destroy();

  expect(text).toContain(createHash("sha256").update(body).digest("hex"));
});

test("uploads of 50 MB arrive whole, streamed through an edge of bounded memory", async () => {
  const body = randomBytes(50 * 2 ** 20);
  const digest = `${body.length} ${createHash("sha256").update(body).digest("hex")}`;
  const edgeBytes = async (): Promise<number> => {
    const { processes } = await project.status();
    return processes.find(({ name }) => name === "edge")?.memoryBytes ?? 0;
  };

  expect(await upload(body)).toBe(digest);
  const before = await edgeBytes(); // what a collector leaves for later is in it
  for (let round = 0; round < 4; round += 1) expect(await upload(body)).toBe(digest);
  expect((await edgeBytes()) - before).toBeLessThan(body.length);
});

function upload(body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port: project.port, host: "127.0.0.1", method: "POST", path: "/digest" },
      (response) => {
        let received = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          received += chunk;
        });
        response.once("end", () => resolve(received));
      },
    );
    sent.once("error", reject);
    sent.setHeader("Content-Length", body.length);
    sent.end(body);
  });
}

async function get(path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${project.port}${path}`);
  return response.text();
}
