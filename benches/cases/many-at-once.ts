/** What asynchronous workers are for: a thousand requests that wait, hundreds of sockets that stay. */

import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { BenchCase } from "../lib/bench.ts";
import { cpuSeconds } from "../lib/proc.ts";
import type { Server } from "../lib/servers.ts";
import { medianOf } from "../lib/statistics.ts";
import { debianPython, startUvicorn } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const atOnce = 1_000;
const workers = 2;
const waitingApp = "blocking_asgi:application";

export const slowAsgi: BenchCase = {
  name: "slow-asgi",
  async run(bench) {
    const servers: readonly Server[] = [
      await startStack(
        bench,
        (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "asgi", cwd: ${JSON.stringify(appsFolder)}, app: "${waitingApp}", workers: ${workers}, python: "${debianPython}" } } }`,
      ),
      await startUvicorn(bench, { cwd: appsFolder, app: waitingApp, workers }),
    ];
    const rows = [];
    for (const server of servers) {
      const tookMs: number[] = [];
      const cpuMs: number[] = [];
      let failed = 0;
      for (let round = 0; round < bench.rounds; round += 1) {
        const before = cpuSeconds(server.pids());
        const began = performance.now();
        failed += await askAtOnce(`${server.url}/wait`);
        tookMs.push(performance.now() - began);
        cpuMs.push((cpuSeconds(server.pids()) - before) * 1000);
        bench.log(`${server.name}  ${tookMs.at(-1)?.toFixed(0)} ms`);
      }
      rows.push({
        name: server.name,
        values: { took: medianOf(tookMs), cpu: medianOf(cpuMs), failed },
      });
    }
    return {
      title: "1,000 slow ASGI requests at once",
      note: `Each waits for 1 s in the app; ${workers} workers. 1,000 ms would be perfect; opening the connections is part of it.`,
      columns: [
        { key: "took", title: "all answered after ms", digits: 0 },
        { key: "cpu", title: "CPU ms", digits: 0 },
        { key: "failed", title: "failed", digits: 0 },
      ],
      rows,
      bars: [],
    };
  },
};

/** How many failed. */
async function askAtOnce(url: string): Promise<number> {
  const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
  const answers = await Promise.all(
    Array.from(
      { length: atOnce },
      () =>
        new Promise<boolean>((resolve) => {
          const request = get(url, { agent, timeout: 30_000 }, (response) => {
            response.resume();
            response.once("end", () => resolve(response.statusCode === 200));
          });
          request.once("timeout", () => request.destroy());
          request.once("error", () => resolve(false));
        }),
    ),
  );
  return answers.filter((good) => !good).length;
}

const sockets = 200;

export const webSockets: BenchCase = {
  name: "websockets",
  async run(bench) {
    const other = join(bench.folder, "other");
    mkdirSync(other);
    const page = (text: string): void => {
      writeFileSync(
        join(other, "page.py"),
        `def application(environ, start_response):\n    start_response("200 OK", [])\n    return [b"${text}"]\n`,
      );
    };
    page("old");
    const stack = await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/page", app: "page" }, { path: "/*", app: "chat" }] },
  apps: {
    chat: { kind: "asgi", cwd: ${JSON.stringify(appsFolder)}, app: "echo_socket:application", workers: ${workers}, python: "${debianPython}" },
    page: { kind: "wsgi", cwd: ${JSON.stringify(other)}, app: "page:application", workers: ${workers}, python: "${debianPython}" },
  } }`,
    );
    const open = await Promise.all(
      Array.from({ length: sockets }, () => openWebSocket(stack.url.replace("http", "ws"))),
    );
    page("new");
    const began = performance.now();
    await stack.stack("reload", "page");
    const reloadMs = performance.now() - began;
    const body = await (await fetch(`${stack.url}/page`)).text();
    if (body !== "new") throw new Error(`after the reload the page says ${body}`);
    const echoed = await Promise.all(open.map((socket, n) => echoes(socket, `message ${n}`)));
    for (const socket of open) socket.close();
    const held = echoed.filter(Boolean).length;
    return {
      title: "200 WebSockets and the reload of another app",
      note: "Opened before the reload; after it each must still send back what it is sent.",
      columns: [
        { key: "held", title: "still there", digits: 0 },
        { key: "reload", title: "reload ms", digits: 0 },
      ],
      rows: [{ name: "stack", values: { held, reload: reloadMs } }],
      bars: [
        {
          ...{ work: `${sockets} WebSockets held through a reload of another app`, peer: "–" },
          ...{ unit: "", value: held, must: sockets, aim: sockets, atLeast: true },
        },
      ],
    };
  },
};

async function openWebSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.addEventListener("open", () => resolve());
  socket.addEventListener("error", () => reject(new Error("a WebSocket could not be opened")));
  await promise;
  return socket;
}

async function echoes(socket: WebSocket, text: string): Promise<boolean> {
  if (socket.readyState !== WebSocket.OPEN) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.addEventListener("message", (event) => resolve(event.data === text), { once: true });
  socket.addEventListener("close", () => resolve(false), { once: true });
  socket.send(text);
  return await Promise.race([promise, wait(5_000, false)]);
}
