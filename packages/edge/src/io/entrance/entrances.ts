/**
 * What stands between an accepted socket and HTTP, by listener: a PROXY header, TLS and what was
 * agreed on in it. Listeners of plain HTTP have none of it, and their sockets do not come here.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { TLSSocket } from "node:tls";
import type { EdgePlan, ListenerPlan, ListenerProtocol } from "@stack/config";
import type { TrustCheck } from "../../core/routing/client-address.ts";
import type { TlsMaterial } from "../../core/thread-messages.ts";
import type { ClientConnection, EntranceRules } from "../client/client-state.ts";
import type { FrontProtocol } from "../front/front-connection.ts";
import { createTrustCheck } from "../thread/trusted-proxies.ts";
import { createHttpsRedirect } from "./https-redirect.ts";
import { readProxyHeader } from "./proxy-header.ts";
import { createTlsEntrance, type TlsEntrance } from "./tls-entrance.ts";

type Facts = ClientConnection["facts"];

export interface EntranceHooks {
  /** False: this address has as many connections as it may. Asked of clients behind a proxy. */
  readonly admits: (socket: Socket, address: string) => boolean;
  /** HTTP/1.1 from here on. */
  readonly onHttp1: (socket: Socket, facts: Facts) => void;
  /** HTTP/2 was agreed on. */
  readonly onHttp2: (socket: TLSSocket, facts: Facts) => void;
  /** A web server in front of us speaks one of the CGI protocols. */
  readonly onFront: (protocol: FrontProtocol, socket: Socket, facts: Facts) => void;
}

export interface Entrances {
  /** Whether an address is a server that speaks for many clients, and says for whom. */
  readonly isProxy: (listener: number, address: string) => boolean;
  readonly protocolOf: (listener: number) => ListenerProtocol;
  /** Takes an accepted socket of a listener. */
  readonly accept: (listener: number, socket: Socket, facts: Facts) => void;
  readonly configure: (plan: EdgePlan, materials: readonly TlsMaterial[]) => void;
  /** Sockets that have not got to HTTP yet. */
  readonly count: () => number;
  readonly check: (now: number) => void;
  readonly closeAll: () => void;
}

/** Of HTTP: there is nothing to be said but that there is a server in front. */
const httpFront: NonNullable<Facts["front"]> = { mountLength: 0, variables: "", hasSaid: true };

interface Entrance {
  /** Of a listener for HTTP that has a web server in front. */
  readonly httpFront: Facts["front"];
  readonly front: FrontProtocol | undefined;
  /** Nothing is to be read before HTTP. */
  readonly isPlain: boolean;
  /** Whose connections begin with a PROXY header. */
  readonly proxies: TrustCheck | undefined;
  readonly tls: TlsEntrance | undefined;
  readonly rules: EntranceRules | undefined;
  /** Requests must be for the name the connection was made to. */
  readonly bindsName: boolean;
  readonly deadlineMs: number;
}

/** @param counts connections of each thread, shared */
export function createEntrances(
  thread: { readonly index: number },
  counts: Int32Array,
  hooks: EntranceHooks,
): Entrances {
  let entrances: readonly (Entrance | undefined)[] = [];
  /** By what is not HTTP yet: when it has to be. */
  const waiting = new Map<Socket, number>();

  function begin(entrance: Entrance, socket: Socket, facts: Facts): void {
    waiting.set(socket, performance.now() + entrance.deadlineMs);
    Atomics.add(counts, thread.index, 1);
    socket.on("error", ignore); // 'close' follows
    socket.on("close", () => leave(socket));
    if (entrance.proxies?.(facts.peerAddress) !== true) {
      enter(entrance, socket, facts, undefined);
      return;
    }
    readProxyHeader(socket, facts, (client, rest) => {
      if (client === facts || hooks.admits(socket, client.peerAddress)) {
        enter(entrance, socket, client, rest);
      } else socket.destroy();
    });
  }

  function leave(socket: Socket): void {
    if (waiting.delete(socket)) Atomics.sub(counts, thread.index, 1);
  }

  /** After the PROXY header, if there was one. */
  function enter(entrance: Entrance, socket: Socket, facts: Facts, rest: Buffer | undefined): void {
    if (rest !== undefined && rest.length > 0) socket.unshift(rest);
    if (entrance.tls === undefined) {
      leave(socket);
      hooks.onHttp1(socket, { ...facts, rules: entrance.rules, front: entrance.httpFront });
      return;
    }
    entrance.tls.take(socket, (secure) => {
      leave(socket);
      const rules = rulesFor(entrance, secure);
      const known: Facts = { ...facts, scheme: "https", rules, front: entrance.httpFront };
      if (secure.alpnProtocol === "h2") hooks.onHttp2(secure, known);
      else hooks.onHttp1(secure, known);
    });
  }

  return {
    isProxy(listener, address) {
      const entrance = entrances[listener];
      return entrance?.front !== undefined || entrance?.proxies?.(address) === true;
    },
    protocolOf: (listener) => entrances[listener]?.front ?? "http",
    accept(listener, socket, facts) {
      const entrance = entrances[listener];
      if (entrance === undefined) hooks.onHttp1(socket, facts);
      else if (entrance.front !== undefined) hooks.onFront(entrance.front, socket, facts);
      else if (entrance.isPlain) hooks.onHttp1(socket, { ...facts, front: entrance.httpFront });
      else begin(entrance, socket, facts);
    },
    configure(plan, materials) {
      entrances = (plan.listeners ?? []).map((listener, index) =>
        buildEntrance(
          listener,
          materials.find((material) => material.listener === index),
          plan.timeoutsMs.header,
        ),
      );
    },
    count: () => waiting.size,
    check(now) {
      for (const [socket, deadline] of waiting) if (now >= deadline) socket.destroy();
    },
    closeAll() {
      for (const socket of waiting.keys()) socket.destroy();
    },
  };
}

function buildEntrance(
  listener: ListenerPlan,
  material: TlsMaterial | undefined,
  deadlineMs: number,
): Entrance | undefined {
  const { protocol, tls, proxyFrom, redirectPort } = listener;
  const front = protocol === "http" ? undefined : protocol;
  const isPlain = tls === null && proxyFrom === null && redirectPort === null;
  if (isPlain && !listener.frontServer) return undefined;
  const answerFields =
    tls === null || tls.hsts === "" ? "" : `Strict-Transport-Security: ${tls.hsts}\r\n`;
  const redirect = redirectPort === null ? undefined : createHttpsRedirect(redirectPort);
  const hasRules = answerFields !== "" || redirect !== undefined;
  return {
    isPlain,
    front,
    httpFront: listener.frontServer ? httpFront : undefined,
    proxies: proxyFrom === null ? undefined : createTrustCheck(proxyFrom),
    tls:
      tls === null || material === undefined
        ? undefined
        : createTlsEntrance(tls, material, deadlineMs),
    rules: hasRules ? { onlyHost: "", redirect, answerFields } : undefined,
    bindsName: tls !== null && tls.clientCa !== null,
    deadlineMs,
  };
}

/** RFC 9110 §7.4: who was let in for one name is not thereby let in for another. */
function rulesFor(entrance: Entrance, secure: TLSSocket): EntranceRules | undefined {
  const name = (secure as { readonly servername?: string | false | null }).servername;
  if (!entrance.bindsName || typeof name !== "string" || name === "") return entrance.rules;
  const answerFields = entrance.rules?.answerFields ?? "";
  return { onlyHost: name.toLowerCase(), redirect: undefined, answerFields };
}

function ignore(): void {}
