/** A zygote without its arbiter: we give the orders (packages/appserver/python/stack_worker/PROTOCOL.md). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Bench } from "../lib/bench.ts";
import { debianPython } from "./python-servers.ts";

export interface Zygote {
  readonly importedMs: number;
  /** Forks one worker and says after how many milliseconds it was ready. */
  readonly fork: (serial: number) => Promise<number>;
}

interface Message {
  readonly type: string;
  readonly ms?: number;
}

const pythonFolder = fileURLToPath(new URL("../../packages/appserver/python", import.meta.url));

export async function startZygote(bench: Bench, cwd: string, app: string): Promise<Zygote> {
  const module = app.split(":")[0] ?? app;
  const control = join(bench.folder, `control-${module}.sock`);
  const server = createServer();
  const peers: Socket[] = [];
  server.listen(control);
  await once(server, "listening");
  const child = spawn(debianPython, ["-m", "stack_worker.zygote"], {
    cwd,
    env: { PYTHONPATH: pythonFolder, PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const ended = once(child, "exit");
  const orders = child.stdio[3] as unknown as Socket;
  bench.use({
    async [Symbol.asyncDispose]() {
      // Workers and zygote end when their arbiter hangs up.
      for (const peer of peers) peer.destroy();
      orders.destroy();
      const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(late);
      server.close();
    },
  });
  const say = (message: unknown): void => {
    orders.write(`${JSON.stringify(message)}\n`);
  };
  say({
    type: "start",
    kind: "wsgi",
    worker: "sync",
    concurrency: 1,
    app,
    middleware: [],
    preload: true,
    cwd,
  });
  const imported = await nextMessage(orders, "imported");
  return {
    importedMs: imported.ms ?? Number.NaN,
    async fork(serial) {
      const connected = once(server, "connection");
      const socket = join(bench.folder, `${module}-${serial}.sock`);
      const began = performance.now();
      say({ type: "fork", id: `bench.${serial}`, key: `${serial}`, socket, control });
      const [worker] = (await connected) as [Socket];
      peers.push(worker);
      await nextMessage(worker, "ready");
      return performance.now() - began;
    },
  };
}

/** The next message of a type; others before it are of no interest. */
async function nextMessage(input: Socket, type: string): Promise<Message> {
  const lines = createInterface({ input, signal: AbortSignal.timeout(20_000) });
  for await (const line of lines) {
    const message = JSON.parse(line) as Message;
    if (message.type === type) return message;
    if (message.type.endsWith("failed")) throw new Error(`zygote: ${line}`);
  }
  throw new Error(`zygote: no "${type}" within 20 s`);
}
