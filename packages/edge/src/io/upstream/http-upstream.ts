/**
 * `upstream` routes: servers in turn, the next one when one cannot be reached, one replay when that
 * is safe. What is known of a request beyond its exchange is kept only once something failed.
 */
import { formatAddress, parseAddress, type SocketAddress } from "@stack/base";
import type { HeadLimits } from "@stack/protocols";
import { type Attempts, decideAfter } from "../../core/upstream/upstream-choice.ts";
import type { Backend, Exchange, LinkObserver } from "../exchange.ts";
import { createHttpLink, type HttpLink } from "./http-link.ts";

export interface UpstreamOptions {
  /** "host:port" or "unix:path"; at least one. */
  readonly servers: readonly string[];
  readonly readBuffer: Buffer;
  readonly limits: HeadLimits;
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs?: number;
  readonly onBug: (error: unknown) => void;
}

interface Server {
  readonly name: string;
  readonly link: HttpLink;
}

export function createUpstreamBackend(options: UpstreamOptions): Backend {
  const servers: readonly Server[] = options.servers.map((text) => {
    const address: SocketAddress = parseAddress(text) ?? { kind: "unix", path: text };
    const link = createHttpLink({ ...options, address, firstByteMs: () => options.firstByteMs });
    return { name: formatAddress(address), link };
  });
  const failed = new WeakMap<Exchange, Attempts>();
  let next = 0;

  const send = (exchange: Exchange, index: number, onFreshConnection: boolean): void => {
    const server = servers[index];
    if (server === undefined) {
      exchange.fail(502, "the upstream has no servers");
      return;
    }
    exchange.servedBy = server.name;
    if (onFreshConnection) server.link.serveFresh(exchange, observer);
    else server.link.serve(exchange, observer);
  };
  const observer: LinkObserver = {
    onSettled(exchange, outcome) {
      if (outcome === "answered" || exchange.done) return;
      const attempts = failed.get(exchange) ?? {
        server: servers.findIndex((server) => server.name === exchange.servedBy),
        unreached: 0,
        replayed: false,
      };
      const step = decideAfter(
        outcome,
        attempts,
        servers.length,
        exchange.head.method,
        exchange.bodyComplete,
      );
      if (step.kind === "fail") {
        exchange.fail(step.status, step.reason);
        return;
      }
      failed.set(exchange, step.attempts);
      send(exchange, step.attempts.server, step.onFreshConnection);
    },
  };
  return {
    wantsBody: true,
    handle(exchange) {
      const index = next;
      next = next + 1 < servers.length ? next + 1 : 0;
      send(exchange, index, false);
    },
    retire() {
      for (const server of servers) server.link.retire();
    },
  };
}
