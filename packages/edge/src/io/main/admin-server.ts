/**
 * The admin listener: metrics for Prometheus, on the stack's own Unix socket and where the config
 * says. Served by the main thread, so that it answers while every serving thread is busy. A new edge
 * takes the Unix socket over by name; a TCP port it gets when the old edge lets go of it.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { rename, unlink } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { expositionType, type Logger, parseAddress } from "@stack/base";
import type { AdminPlan } from "@stack/config";
import {
  type ExposedEdge,
  exposeEdge,
  type ProcessUse,
} from "../../core/measuring/edge-exposition.ts";

export interface AdminServer {
  /** Null for none; only what changed is closed and opened. */
  readonly configure: (plan: AdminPlan | null) => void;
  readonly close: () => void;
}

export interface AdminServerOptions {
  /** Path of the Unix socket that is always there, if there is an admin listener at all. */
  readonly socketPath: string;
  readonly generation: number;
  readonly metrics: () => ExposedEdge;
  readonly log: Logger;
}

interface Listener {
  readonly key: string;
  readonly close: () => void;
}

const retryMs = 500;
const requestTimeoutMs = 5_000;

export function createAdminServer(options: AdminServerOptions): AdminServer {
  let listeners: readonly Listener[] = [];

  const open = (address: string, token: string | null): Listener => {
    const key = `${address} ${token ?? ""}`;
    return (
      listeners.find((listener) => listener.key === key) ?? { key, close: listen(address, token) }
    );
  };
  /** Tries until it works or is closed: the address may still be another generation's. */
  const listen = (address: string, token: string | null): (() => void) => {
    let closed = false;
    let timer: NodeJS.Timeout | undefined;
    let server: Server | undefined;
    let told = false;
    const attempt = (): void => {
      // Slow to load: the serving threads have been started by now.
      const { createServer } = process.getBuiltinModule("node:http");
      const made = createServer((request, response) => answer(request, response, token, options));
      made.requestTimeout = requestTimeoutMs;
      made.headersTimeout = requestTimeoutMs;
      server = made;
      bind(made, address, options.generation).then(
        () => {
          if (closed) made.close();
          else if (told) options.log.info(`the admin listener ${address} is there`);
        },
        (error: NodeJS.ErrnoException) => {
          if (closed) return;
          if (!told) {
            options.log.warn(
              `the admin listener ${address} cannot be opened yet: ${error.message}`,
            );
          }
          told = true;
          timer = setTimeout(attempt, retryMs).unref();
        },
      );
    };
    attempt();
    return () => {
      closed = true;
      clearTimeout(timer);
      server?.close();
      server?.closeAllConnections();
    };
  };
  const replace = (next: readonly Listener[]): void => {
    for (const old of listeners) if (!next.includes(old)) old.close();
    listeners = next;
  };

  return {
    configure(plan) {
      if (plan === null) {
        replace([]);
        return;
      }
      const own = open(`unix:${options.socketPath}`, null);
      replace(plan.address === null ? [own] : [own, open(plan.address, plan.token)]);
    },
    close: () => replace([]),
  };
}

/** A Unix socket is bound under another name and takes its place: there is always one to connect to. */
async function bind(server: Server, written: string, generation: number): Promise<void> {
  const address = parseAddress(written);
  if (address === undefined) throw new Error("it is no address");
  if (address.kind === "tcp") {
    await listening(server, () => server.listen(address.port, address.host));
    return;
  }
  const path = `${address.path}.${generation}`;
  await unlink(path).catch(() => {}); // of an edge that was killed
  await listening(server, () => server.listen(path));
  await rename(path, address.path);
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      server.on("error", () => {}); // accept failed: the next may succeed
      resolve();
    });
    listen();
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  token: string | null,
  options: AdminServerOptions,
): void {
  request.resume();
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
    response.end(request.method === "HEAD" ? "" : body);
  };
  if (token !== null && !isToken(request.headers.authorization, token)) {
    response.setHeader("WWW-Authenticate", "Bearer");
    send(401, "text/plain", "a token is needed\n");
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    send(405, "text/plain", "only GET\n");
  } else if (request.url?.split("?", 1)[0] === "/metrics") {
    send(200, expositionType, exposeEdge(options.metrics(), processUse(), Date.now()));
  } else {
    send(404, "text/plain", "metrics are at /metrics\n");
  }
}

function processUse(): ProcessUse {
  const { user, system } = process.cpuUsage();
  return {
    startedAtMs: performance.timeOrigin,
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
  };
}

/** In a time that says nothing of how much of it is right. */
function isToken(authorization: string | undefined, token: string): boolean {
  const given = createHash("sha256")
    .update(authorization ?? "")
    .digest();
  return timingSafeEqual(given, createHash("sha256").update(`Bearer ${token}`).digest());
}
