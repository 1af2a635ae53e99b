/**
 * FastAPI under a whole stack and clients of all manners at once, which share few connections to the workers:
 * every answer is its request's own, those who leave disturb nobody, and nothing is left afterwards.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { RunningRequest } from "@stack/control";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";

const app = `import asyncio
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, StreamingResponse

app = FastAPI()

@app.get("/get/{id}")
async def get(id: str):
    return {"id": id}

@app.post("/post")
async def post(request: Request):
    return {"got": await request.json()}

@app.get("/large/{id}", response_class=PlainTextResponse)
async def large(id: str):
    return f"{id};" * (600_000 // (len(id) + 1))

@app.get("/events/{id}")
async def events(id: str):
    async def each():
        for number in range(10):
            yield f"data: {id} {number}\\n\\n"
            await asyncio.sleep(0.001)
    return StreamingResponse(each(), media_type="text/event-stream")

@app.get("/endless/{id}")
async def endless(id: str):
    async def each():
        while True:
            yield f"{id};" * 1000
    return StreamingResponse(each(), media_type="text/plain")

@app.get("/never/{id}")
async def never(id: str, request: Request):
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    return {}
`;

const clients = 64;
const loadMs = 4_000;

interface Client {
  readonly agent: Agent;
  readonly port: number;
}

/** One exchange of its kind; throws when the answer is not what belongs to this id. */
type Manner = (client: Client, id: string) => Promise<void>;

const manners: readonly Manner[] = [
  async (client, id) => expectBody(await fetchText(client, `/get/${id}`), JSON.stringify({ id })),
  async (client, id) => {
    const sent = JSON.stringify({ id, filler: id.repeat(50) });
    expectBody(await fetchText(client, "/post", sent), `{"got":${sent}}`);
  },
  async (client, id) => {
    const expected = `${id};`.repeat(Math.floor(600_000 / (id.length + 1)));
    expectBody(await fetchText(client, `/large/${id}`), expected);
  },
  async (client, id) => {
    const expected = Array.from({ length: 10 }, (_, number) => `data: ${id} ${number}\n\n`);
    expectBody(await fetchText(client, `/events/${id}`), expected.join(""));
  },
  async (client, id) => {
    const response = await send(client, `/endless/${id}`);
    const [first] = (await once(response.setEncoding("latin1"), "data")) as [string];
    if (!first.startsWith(`${id};`)) throw new Error(`${id} got ${first.slice(0, 80)}`);
    response.on("error", () => {}); // it is cut off here
    response.destroy();
  },
  async (client, id) => {
    const { port } = client;
    const leaving = request({ port, host: "127.0.0.1", path: `/never/${id}`, agent: client.agent });
    leaving.on("error", () => {});
    await new Promise<void>((resolve) => leaving.end(resolve));
    // Not a FIN: whoever ends only his half is answered.
    await new Promise((resolve) => {
      leaving.once("close", resolve);
      leaving.socket?.resetAndDestroy();
    });
  },
];

function expectBody(got: string, expected: string): void {
  if (got === expected) return;
  throw new Error(
    `expected ${expected.slice(0, 80)}, got ${got.slice(0, 80)} (${got.length} bytes)`,
  );
}

async function send(client: Client, path: string, body?: string): Promise<IncomingMessage> {
  const options: RequestOptions = {
    port: client.port,
    host: "127.0.0.1",
    path,
    agent: client.agent,
    ...(body === undefined
      ? {}
      : {
          method: "POST",
          headers: { "Content-Type": "application/json", "Content-Length": body.length },
        }),
  };
  const sent = request(options);
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
  return response;
}

async function fetchText(client: Client, path: string, body?: string): Promise<string> {
  const response = await send(client, path, body);
  const pieces: string[] = await response.setEncoding("latin1").toArray();
  return pieces.join("");
}

test("clients of all manners at once: every answer is its request's own, and nothing is left", async () => {
  await using project = await createProject(
    (port) => `{
      name: "streams",
      redis: false,
      edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "web" }] },
      apps: { web: { kind: "asgi", app: "web:app", workers: 2, python: "/usr/bin/python3", timeout: "10m",
        queue: { timeout: "10m" } } },
    }`,
    { "web.py": app },
  );
  const before = await project.up();
  const failures: string[] = [];
  let asked = 0;
  const end = performance.now() + loadMs;
  await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const manner = manners[index % manners.length] as Manner;
      let round = 0;
      do {
        asked += 1;
        await manner({ agent, port: project.port }, `client-${index}-${round}`).catch((error) => {
          failures.push(`${index} ${round}: ${String(error)}`);
        });
        round += 1;
      } while (performance.now() < end && failures.length === 0);
      agent.destroy();
    }),
  );
  expect(failures).toEqual([]);
  expect(asked).toBeGreaterThanOrEqual(clients);

  const after = await eventually(
    "nothing in flight",
    async () => {
      const status = await project.status();
      const web = status.apps[0];
      return web?.inFlight === 0 && web.queue === 0 && status;
    },
    60_000,
  );
  const { stdout } = await project.stack("requests", "--json");
  const left = (JSON.parse(stdout) as { data: { requests: RunningRequest[] } }).data.requests;
  expect(left).toEqual([]);
  const pids = ({ apps }: typeof after) => apps[0]?.workers.map(({ pid }) => pid).toSorted();
  expect(pids(after)).toEqual(pids(before));
  const log = (await project.stack("logs", "-n", "1000")).stdout;
  expect(log).not.toMatch(/broke the worker protocol|did not finish|Traceback|Error in /);
}, 240_000);
