/**
 * Which request an exception that nobody caught belongs to: its client is answered at once, where
 * else it would wait for its timeout. What a handler starts (timers, promises, sockets) carries its
 * request along as Node's async context. Runs in the worker, for every HTTP server it serves.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface RequestBlame {
  /** Its requests are known from now on; those that listen already are not outrun. */
  readonly watch: (server: Server) => void;
  /** Ends the request that is at fault just now; returns its name for the log, "" without one. */
  readonly settle: () => string;
}

interface Running {
  readonly name: string;
  /** Undefined once it has ended: what it started, a pool for one, may hold this much longer. */
  fail: (() => void) | undefined;
}

export function createRequestBlame(): RequestBlame {
  const running = new AsyncLocalStorage<Running>();

  function enter(request: IncomingMessage, fail: () => void): Running {
    const entry: Running = { name: nameOf(request), fail };
    running.enterWith(entry);
    return entry;
  }

  return {
    watch(server) {
      server.prependListener("request", (request, response) => {
        const entry = enter(request, () => answerFailed(response));
        response.on("close", () => {
          entry.fail = undefined;
        });
        if (hasBody(request)) {
          // Its parts come from the connection, which knows of no request. Not `run`: that forgets
          // the request on the way out of what throws.
          const emit = request.emit.bind(request);
          request.emit = (...event: Parameters<typeof emit>) => {
            running.enterWith(entry);
            return emit(...event);
          };
        }
      });
      server.prependListener("upgrade", (request: IncomingMessage, socket: Socket) => {
        const before = socket.bytesWritten;
        enter(request, () => {
          if (socket.bytesWritten === before) socket.destroy(); // the edge makes it a 502
        });
      });
    },
    settle() {
      const entry = running.getStore();
      if (entry === undefined) return "";
      entry.fail?.();
      entry.fail = undefined;
      return entry.name;
    },
  };
}

export function nameOf({ method, url }: IncomingMessage): string {
  return `${method} ${url}`;
}

/**
 * 500, or an end that the edge sees is none. By Node's own methods: those of the response may be
 * wrapped by what waits for something first, a store of sessions for one.
 */
export function answerFailed(response: ServerResponse): void {
  if (response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const { writeHead, end } = ServerResponse.prototype;
  writeHead.call(response, 500, { "content-type": "text/plain" });
  end.call(response, "Internal Server Error\n", "utf8");
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}
