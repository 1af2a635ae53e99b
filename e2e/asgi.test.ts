/** A FastAPI app under a whole stack: real WebSocket clients, a thousand slow requests, reloads. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { eventually, exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./support/stack.ts";

const chat = `import asyncio
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

app = FastAPI()

@app.on_event("startup")
async def begin():
    app.state.words = ["ready"]

@app.get("/api/words")
async def words():
    return app.state.words

@app.get("/api/slow", response_class=PlainTextResponse)
async def slow():
    await asyncio.sleep(1)
    return "slow"

@app.websocket("/api/socket")
async def socket(websocket: WebSocket):
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol=offered[0] if offered else None)
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                print("left with", message["code"], flush=True)
                return
            if message.get("text") == "close":
                await websocket.close(4002, "as you wish")
                return
            await websocket.send({**message, "type": "websocket.send"})
    except WebSocketDisconnect:
        pass
`;

/** Speaks RFC 6455 with Debian's python3-websockets; each line of its input is one step. */
const client = `import asyncio, os, sys, websockets

async def step():
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

async def main(url):
    async with websockets.connect(url, subprotocols=["chat.v1"], max_size=None) as one:
        assert one.subprotocol == "chat.v1"
        for message in ("héllo", b"", b"bytes", os.urandom(3_000_000)):
            await one.send(message)
            assert await one.recv() == message
        await one.send(["frag", "men", "ted"])
        assert await one.recv() == "fragmented"
        await (await one.ping(b"there?"))
        await one.close(4001, "bye")
        assert (one.close_code, one.close_reason) == (4001, "bye")
    async with websockets.connect(url) as two:
        await two.send("close")
        await two.wait_closed()
        assert (two.close_code, two.close_reason) == (4002, "as you wish"), two.close_code
    try:
        async with websockets.connect(url, max_size=None) as three:
            await three.send(b"x" * 17_000_000)
            await three.recv()
        assert False
    except websockets.ConnectionClosed as closed:
        assert three.close_code == 1009, closed
    try:
        await websockets.connect(url + "/nowhere")
        assert False
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 403, refused
    held = await asyncio.gather(*(websockets.connect(url) for _ in range(200)))
    for round in ("before", "after"):
        for number, socket in enumerate(held):
            await socket.send(f"{round} {number}")
        for number, socket in enumerate(held):
            assert await socket.recv() == f"{round} {number}"
        print(round, flush=True)
        await step()
    await asyncio.gather(*(socket.wait_closed() for socket in held))
    print("closed", sorted({socket.close_code for socket in held}), flush=True)

asyncio.run(main(sys.argv[1]))
`;

const other = `def application(environ, start_response):
    start_response("200 OK", [("X-Threads", str(environ["wsgi.multithread"]))])
    return [b"VERSION"]
`;

let project: Project;

beforeAll(async () => {
  project = await createProject(
    (port) => `{
      name: "asgi",
      redis: false,
      edge: {
        listen: ["127.0.0.1:${port}"], threads: 2,
        routes: [
          { path: "/other/*", app: "other", stripPrefix: true },
          { path: "/*", app: "chat" },
        ],
      },
      apps: {
        chat: { kind: "asgi", app: "chat:app", workers: 2, health: "/api/words", python: "/usr/bin/python3" },
        other: { kind: "wsgi", app: "other:application", workers: 1, threads: 4, python: "/usr/bin/python3" },
      },
    }`,
    { "chat.py": chat, "client.py": client, "other.py": other.replace("VERSION", "one") },
  );
  await project.up();
});

afterAll(async () => {
  await project[Symbol.asyncDispose]();
});

const ask = (path: string): Promise<string> =>
  exchangeRaw({ port: project.port, host: "127.0.0.1" }, [
    `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`,
  ]);

interface Clients {
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly go: () => void;
}

function startClients(): Clients {
  const url = `ws://127.0.0.1:${project.port}/api/socket`;
  const child = spawn("/usr/bin/python3", ["-B", join(project.folder, "client.py"), url]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  return { process: child, said: () => said, go: () => void child.stdin.write("\n") };
}

test("lifespan, a worker of threads and a thousand slow requests at once", async () => {
  expect(await ask("/api/words")).toMatch(/^HTTP\/1\.1 200 .*\["ready"\]$/s);
  expect(await ask("/other/")).toMatch(/x-threads: true.*one$/is);

  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  const { port } = project;
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async () => {
      const request = get({ port, host: "127.0.0.1", path: "/api/slow", agent });
      const [response] = await once(request, "response");
      const body: string[] = await response.setEncoding("utf8").toArray();
      return `${response.statusCode} ${body.join("")}`;
    }),
  );
  agent.destroy();

  expect(new Set(answers)).toEqual(new Set(["200 slow"]));
});

test("real WebSocket clients: 200 stay through a reload of another app, and are told of their own", async () => {
  const clients = startClients();
  const gone = once(clients.process, "close"); // after its last word
  await eventually("the first round", () => clients.said().includes("before"), 30_000);

  project.write("other.py", other.replace("VERSION", "two"));
  expect((await project.stack("reload", "other")).code).toBe(0);
  expect(await ask("/other/")).toMatch(/two$/);
  clients.go();
  await eventually("the second round", () => clients.said().includes("after"), 30_000);

  expect((await project.stack("reload", "chat")).code).toBe(0);
  clients.go();
  await gone;
  expect(clients.said()).toBe("before\nafter\nclosed [1012]\n");
});
