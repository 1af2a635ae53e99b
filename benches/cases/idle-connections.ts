/** What a connection costs that was used once and then says nothing. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { measureRound } from "../lib/measure.ts";
import { pssBytes } from "../lib/proc.ts";
import type { Server } from "../lib/servers.ts";
import { medianOf } from "../lib/statistics.ts";
import { startNginx } from "../peers/nginx.ts";
import { startStack } from "../peers/stack.ts";

const count = 10_000;
const openAtOnce = 200;
const settleMs = 3_000;
const repeats = 3;
const work = "10,000 idle keep-alive connections, memory each";

export const idleConnections: BenchCase = {
  name: "idle-connections",
  async run(bench) {
    const stack = await startStack(
      bench,
      (
        listen,
      ) => `{ name: "bench", redis: false, edge: { listen: [${listen}], threads: 1, accessLog: false,
  limits: { connections: 20000 }, timeouts: { idle: "300s" }, routes: [{ path: "/*", respond: { status: 200, body: "ok\\n" } }] } }`,
    );
    const edge = stack.status().processes.find(({ kind }) => kind === "edge")?.pid ?? 0;
    const nginx = await startNginx(bench, { server: 'location / { return 200 "ok\\n"; }' });
    const servers: readonly Server[] = [{ ...stack, pids: () => [edge] }, nginx];
    const rows = [];
    for (const server of servers) {
      const { each, total } = await measureIdle(bench, server);
      rows.push({ name: server.name, values: { each, total } });
    }
    const value = rows[0]?.values.each ?? Number.NaN;
    return {
      title: work,
      note: `Growth of PSS (of ours, the edge's) by ${count} connections that have each had one answer, ${settleMs / 1000} s after the last; the median of ${repeats} times, in the same process. What the kernel holds for a socket is not in it.`,
      columns: [
        { key: "each", title: "KB each", digits: 2 },
        { key: "total", title: "PSS MB with all", digits: 0 },
      ],
      rows,
      bars: [{ work, peer: "–", unit: " KB", value, must: 8, aim: 4 }],
    };
  },
};

interface Idle {
  readonly each: number;
  readonly total: number;
}

async function measureIdle(bench: Bench, server: Server): Promise<Idle> {
  const load = { path: "/", connections: bench.connections, seconds: 2 };
  const measured: Idle[] = [];
  for (let round = 0; round < repeats; round += 1) {
    await measureRound(server, load);
    await wait(settleMs);
    const before = pssBytes(server.pids());
    const sockets = await openIdle(new URL(server.url).port);
    await wait(settleMs);
    const after = pssBytes(server.pids());
    const open = sockets.filter((socket) => !socket.destroyed).length;
    for (const socket of sockets) socket.destroy();
    if (open < count) throw new Error(`${server.name} kept ${open} of ${count} connections`);
    measured.push({ each: (after - before) / count / 1024, total: after / 1e6 });
    bench.log(`${server.name}  ${measured.at(-1)?.each.toFixed(2)} KB each`);
    await wait(settleMs);
  }
  return {
    each: medianOf(measured.map(({ each }) => each)),
    total: medianOf(measured.map(({ total }) => total)),
  };
}

async function openIdle(port: string): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    sockets.push(...(await Promise.all(Array.from({ length: openAtOnce }, () => openOne(port)))));
  }
  return sockets;
}

/** Connected, and one request answered. */
async function openOne(port: string): Promise<Socket> {
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {}); // seen as a connection that is not open
  socket.write("GET / HTTP/1.1\r\nHost: bench.test\r\n\r\n");
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  return socket;
}
