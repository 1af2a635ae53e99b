/**
 * For scripts that call `listen` themselves: the first HTTP server they let listen takes the worker's
 * socket in place of the port it asked for. Runs in the worker, before the app is imported.
 */
import { Server as HttpServer, type RequestListener } from "node:http";
import { Server as NetServer } from "node:net";

export interface ListenCatcher {
  /** The server that took the socket. */
  readonly caught: () => HttpServer | undefined;
  /** Resolves with it; undefined when the script has come to its end without one. */
  readonly next: () => Promise<HttpServer | undefined>;
  /** The app's handler is served already: a server of the same handler only seems to listen. */
  readonly handled: (handler: unknown) => void;
}

type Listen = typeof NetServer.prototype.listen;

export function catchListen(socket: string, backlog: number): ListenCatcher {
  const listen: Listen = NetServer.prototype.listen;
  const first = Promise.withResolvers<HttpServer>();
  let server: HttpServer | undefined;
  let port = 0;
  let handler: unknown;

  function own(this: NetServer, ...args: unknown[]): NetServer {
    if (!(this instanceof HttpServer)) return Reflect.apply(listen, this, args) as NetServer;
    const asked = portOf(args);
    if (server === undefined && handler === undefined) {
      server = this;
      port = asked;
      onceListening(this, args);
      seemBound(this, asked);
      Reflect.apply(listen, this, [{ path: socket, backlog }]);
      first.resolve(this);
      return this;
    }
    // A second address of the same server ("localhost" is two), or the handler that was exported.
    const isSame = server !== undefined && asked === port;
    const isServed = this.listeners("request").includes(handler as RequestListener);
    if (!isSame && !isServed) return Reflect.apply(listen, this, args) as NetServer;
    onceListening(this, args);
    seemBound(this, asked);
    process.nextTick(() => this.emit("listening"));
    return this;
  }
  NetServer.prototype.listen = own as Listen;

  return {
    caught: () => server,
    next() {
      const over = new Promise<undefined>((resolve) => {
        process.channel?.unref(); // what is left to do is the script's own
        process.once("beforeExit", () => resolve(undefined));
      });
      return Promise.race([first.promise, over]).finally(() => process.channel?.ref());
    },
    handled(served) {
      handler = served;
    },
  };
}

function onceListening(server: HttpServer, args: readonly unknown[]): void {
  const last = args.at(-1);
  if (typeof last === "function") server.once("listening", last as () => void);
}

/** The script may print where it listens. */
function seemBound(server: HttpServer, port: number): void {
  server.address = () => ({ address: "127.0.0.1", family: "IPv4", port });
}

function portOf([options]: readonly unknown[]): number {
  const asked =
    typeof options === "object" && options !== null
      ? (options as { readonly port?: unknown }).port
      : options;
  return Number(asked) || 0;
}
