/** One server of an upstream as a thread sees it: its connections, and what the choice goes by. */
import { parseAddress, type SocketAddress } from "@stack/base";
import type { UpstreamPlan } from "@stack/config";
import type { HeadLimits } from "@stack/protocols";
import { hashText } from "../../core/upstream/balance.ts";
import type { SharedServer } from "../../core/upstream/shared-upstream.ts";
import type { ServerStanding } from "../../core/upstream/usable-servers.ts";
import type { Exchange, LinkOutcome } from "../exchange.ts";
import { createScgiProtocol, createUwsgiProtocol } from "./cgi-protocols.ts";
import type { CgiParamsOf } from "./cgi-request.ts";
import { createFastcgiProtocol } from "./fastcgi-protocol.ts";
import { createHttpLink, type HttpLink, type HttpLinkOptions } from "./http-link.ts";
import { httpProtocol, type ServerProtocol } from "./server-protocol.ts";

export interface UpstreamServer extends ServerStanding {
  /** As the access log and the metrics have it. */
  readonly name: string;
  readonly place: number;
  readonly seed: number;
  readonly weight: number;
  /** 0 for none. */
  readonly limit: number;
  readonly link: HttpLink;
  /** What it was made from: another text is another server. */
  readonly key: string;
  /** Tells a sticky cookie; "" without them. */
  readonly token: string;
  isDown: boolean;
  isEjected: boolean;
  readonly onSettled: (exchange: Exchange, outcome: LinkOutcome, wasKept?: boolean) => void;
}

export interface LinkSettings {
  readonly readBuffer: Buffer;
  readonly limits: HeadLimits;
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs?: number | undefined;
  readonly onBug: (error: unknown) => void;
  /** See `HttpConnectionOptions`. */
  readonly thread?: HttpLinkOptions["thread"];
}

export interface ServerOptions {
  readonly shared: SharedServer;
  readonly key: string;
  readonly token: string;
  readonly protocol: ServerProtocol;
  readonly proxyProtocol: 1 | 2 | undefined;
  readonly settings: LinkSettings;
  readonly onSettled: (
    server: UpstreamServer,
    exchange: Exchange,
    outcome: LinkOutcome,
    wasKept: boolean,
  ) => void;
}

export function createUpstreamServer(options: ServerOptions): UpstreamServer {
  const { settings, shared } = options;
  const { idleMs } = settings;
  const address: SocketAddress = parseAddress(shared.address) ?? {
    kind: "unix",
    path: shared.address,
  };
  const server: UpstreamServer = {
    name: shared.address,
    place: shared.place,
    seed: hashText(shared.address),
    weight: shared.weight,
    limit: shared.limit,
    isBackup: shared.isBackup,
    isDown: false,
    isEjected: false,
    key: options.key,
    token: options.token,
    link: createHttpLink({
      address,
      protocol: options.protocol,
      proxyProtocol: options.proxyProtocol,
      readBuffer: settings.readBuffer,
      limits: settings.limits,
      connectMs: settings.connectMs,
      firstByteMs: () => settings.firstByteMs,
      ...(idleMs === undefined ? {} : { idleMs }),
      onBug: settings.onBug,
      thread: settings.thread,
    }),
    onSettled: (exchange, outcome, wasKept = false) =>
      options.onSettled(server, exchange, outcome, wasKept),
  };
  return server;
}

/**
 * How long connections are kept; undefined for as long as usual. php-fpm has no more connections than
 * children: one that is kept keeps its child from everybody else, so FastCGI has to be told to.
 */
export function keptMs(plan: UpstreamPlan): number | undefined {
  return plan.keepAliveMs ?? (plan.protocol === "fastcgi" ? 0 : undefined);
}

/** @param onStderr of FastCGI programs */
export function protocolOf(
  plan: UpstreamPlan,
  paramsOf: CgiParamsOf,
  onStderr: (line: string) => void,
): ServerProtocol {
  switch (plan.protocol) {
    case "uwsgi":
      return createUwsgiProtocol(paramsOf);
    case "scgi":
      return createScgiProtocol(paramsOf);
    case "fastcgi":
      return createFastcgiProtocol({ paramsOf, onStderr, keepOpen: keptMs(plan) !== 0 });
    default:
      return httpProtocol;
  }
}
