/** One managed Redis for all: a Flask app and a Node app read each other's sessions and counters. */
import { exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./support/stack.ts";

const flask = `import os
import redis
from flask import Flask, request

app = Flask(__name__)
store = redis.Redis.from_url(os.environ["REDIS_URL"])

@app.get("/flask/count")
def count():
    return str(store.incr("visits"))

@app.get("/flask/session/<name>")
def read(name):
    return store.hget("session:" + name, "user") or b"nobody"

@app.post("/flask/session/<name>")
def write(name):
    store.hset("session:" + name, "user", request.get_data())
    store.expire("session:" + name, 3600)
    return "kept"
`;

/** Speaks to Redis itself: the app needs nothing that is not in Node. */
const node = `import { connect } from "node:net";

function ask(...parts) {
  const socket = connect(new URL(process.env.REDIS_URL).pathname);
  socket.setEncoding("utf8");
  const command = parts.map((part) => "$" + Buffer.byteLength(part) + "\\r\\n" + part + "\\r\\n").join("");
  socket.write("*" + parts.length + "\\r\\n" + command);
  return new Promise((resolve, reject) => {
    let answer = "";
    socket.on("error", reject);
    socket.on("data", (text) => {
      answer += text;
      const found = /^(?:[:+](.*)|\\$-1()|\\$\\d+\\r\\n([^]*))\\r\\n$/.exec(answer);
      if (found === null) return;
      socket.destroy();
      resolve(found[1] ?? found[3] ?? "nobody");
    });
  });
}

export default async function handler(request, response) {
  const name = request.url.split("/").at(-1);
  let body = "";
  for await (const chunk of request) body += chunk;
  if (name === "count") response.end(await ask("INCR", "visits"));
  else if (request.method === "POST") response.end(await ask("HSET", "session:" + name, "user", body));
  else response.end(await ask("HGET", "session:" + name, "user"));
}
`;

let project: Project;

beforeAll(async () => {
  project = await createProject(
    (port) => `{
      name: "shared",
      redis: "managed",
      edge: {
        listen: ["127.0.0.1:${port}"], threads: 2,
        routes: [{ path: "/flask/*", app: "flask" }, { path: "/node/*", app: "node" }],
      },
      apps: {
        flask: { kind: "wsgi", app: "shop:app", workers: 2, python: "/usr/bin/python3" },
        node: { kind: "node", entry: "server.mjs", workers: 2 },
      },
    }`,
    { "shop.py": flask, "server.mjs": node },
  );
  await project.up();
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
});

async function ask(path: string, body?: string): Promise<string> {
  const method = body === undefined ? "GET" : "POST";
  const length = body === undefined ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const answer = await exchangeRaw({ port: project.port, host: "127.0.0.1" }, [
    `${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${length}Connection: close\r\n\r\n`,
    Buffer.from(body ?? ""),
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  // Node's answers may come in chunks.
  const [head = "", content = ""] = answer.split("\r\n\r\n");
  return /chunked/i.test(head) ? (content.split("\r\n")[1] ?? "") : content;
}

/** Either app in turn. */
async function countOn(from: number): Promise<number> {
  expect(await ask("/flask/count")).toBe(`${from + 1}`);
  expect(await ask("/node/count")).toBe(`${from + 2}`);
  return from + 2;
}

test("what one app writes the other reads, over a restart of each and of Redis", async () => {
  let count = await countOn(0);
  await ask("/flask/session/a", "ann");
  await ask("/node/session/b", "böb");
  for (const name of ["", "flask", "node", "edge", "redis"]) {
    if (name !== "") {
      const { code, stderr } = await project.stack("restart", name);
      expect({ name, code, stderr }).toMatchObject({ name, code: 0 });
    }
    expect(await ask("/node/session/a")).toBe("ann");
    expect(await ask("/flask/session/b")).toBe(Buffer.from("böb").toString("latin1"));
    expect(await ask("/flask/session/c")).toBe("nobody");
    count = await countOn(count);
  }
  await project.stack("down");
  await project.up();
  expect(await ask("/flask/session/a")).toBe("ann");
  await countOn(count);
}, 240_000);
