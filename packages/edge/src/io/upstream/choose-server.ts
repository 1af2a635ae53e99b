/** The choice of a server for a request: what is usable now, by which rule, and who is remembered. */
import type { UpstreamBalance } from "@stack/config";
import {
  addCandidate,
  chooseByHash,
  chooseInTurn,
  chooseLeastBusy,
  chooseOfTwo,
  createCandidates,
  type Turns,
} from "../../core/upstream/balance.ts";
import { cookieValue, createKeyReader } from "../../core/upstream/request-key.ts";
import {
  claimServer,
  hasRoom,
  isEjected,
  isRamping,
  looksEjected,
  rampFactor,
  readHealth,
  readInFlight,
  type ServerMemory,
  serverHealth,
} from "../../core/upstream/server-memory.ts";
import { markUsable } from "../../core/upstream/usable-servers.ts";
import type { Exchange } from "../exchange.ts";
import type { UpstreamServer } from "./upstream-server.ts";

export interface ChooserOptions {
  readonly servers: readonly UpstreamServer[];
  readonly memory: ServerMemory;
  readonly balance: UpstreamBalance;
  readonly slowStartMs: number;
  /** Name of the sticky cookie; "" for none. */
  readonly cookie: string;
  /** Threads begin with different servers. */
  readonly firstTurn: number;
  /** Milliseconds of the clock all threads share. */
  readonly now: () => number;
}

export interface ServerChooser {
  /**
   * A server for the request, claimed where it has a limit; undefined when none is to be had now.
   *
   * @param without those it was tried on
   */
  readonly choose: (
    exchange: Exchange,
    without: readonly UpstreamServer[] | undefined,
  ) => UpstreamServer | undefined;
  /** Any that may be asked has room for another request. */
  readonly hasRoom: () => boolean;
}

export function createServerChooser(options: ChooserOptions): ServerChooser {
  const { balance, cookie, memory, now, servers, slowStartMs } = options;
  const usable = new Uint8Array(servers.length).fill(1);
  const candidates = createCandidates();
  const turns: Turns = [];
  const seeds = servers.map((server) => server.seed);
  const keyOf = createKeyReader(balance);
  const byToken = new Map(servers.map((server, index) => [server.token, index]));
  const only = servers.length === 1 ? servers[0] : undefined;
  let turn = options.firstTurn;
  markUsable(servers, usable);

  const pick = pickerOf(balance);

  /** What is down or ejected has changed: who may be asked is found anew. */
  function refresh(): void {
    let changed = false;
    for (const server of servers) {
      const isDown = readHealth(memory, server.place) === serverHealth.down;
      const isOut = looksEjected(memory, server.place) && isEjected(memory, server.place, now());
      if (isDown === server.isDown && isOut === server.isEjected) continue;
      server.isDown = isDown;
      server.isEjected = isOut;
      changed = true;
    }
    if (changed) markUsable(servers, usable);
  }

  function mayTake(index: number, without: readonly UpstreamServer[] | undefined): boolean {
    const server = servers[index] as UpstreamServer;
    if (without?.includes(server) === true) return false;
    return server.limit === 0 || hasRoom(memory, server.place, server.limit);
  }

  function fill(without: readonly UpstreamServer[] | undefined): void {
    candidates.count = 0;
    for (let index = 0; index < servers.length; index += 1) {
      if (usable[index] === 0 || !mayTake(index, without)) continue;
      const server = servers[index] as UpstreamServer;
      addCandidate(candidates, index, weightOf(server), readInFlight(memory, server.place));
    }
  }

  function weightOf(server: UpstreamServer): number {
    if (slowStartMs === 0 || !isRamping(memory, server.place)) return server.weight;
    return server.weight * rampFactor(memory, server.place, slowStartMs, now());
  }

  function remembered(
    exchange: Exchange,
    without: readonly UpstreamServer[] | undefined,
  ): UpstreamServer | undefined {
    const token = cookieValue(exchange.head, cookie);
    const index = token === undefined ? undefined : byToken.get(token);
    if (index === undefined || usable[index] === 0 || !mayTake(index, without)) return undefined;
    return claim(servers[index] as UpstreamServer);
  }

  function claim(server: UpstreamServer): UpstreamServer | undefined {
    if (server.limit === 0 || claimServer(memory, server.place, server.limit)) return server;
    return undefined;
  }

  /** Those that may not be asked, before it is given up. */
  function lastResort(without: readonly UpstreamServer[]): UpstreamServer | undefined {
    const index = servers.findIndex((_, at) => usable[at] === 0 && mayTake(at, without));
    return index < 0 ? undefined : claim(servers[index] as UpstreamServer);
  }

  function pickerOf(rule: UpstreamBalance): (exchange: Exchange) => number {
    switch (rule) {
      case "least-busy":
        return () => chooseLeastBusy(candidates, turn++);
      case "round-robin":
        return () => chooseInTurn(candidates, turns);
      case "two-choices":
        return () => chooseOfTwo(candidates, Math.random(), Math.random());
      default:
        return (exchange) => chooseByHash(candidates, seeds, keyOf(exchange));
    }
  }

  return {
    choose(exchange, without) {
      if (only !== undefined && without === undefined) return claim(only);
      refresh();
      const known = cookie === "" ? undefined : remembered(exchange, without);
      if (known !== undefined) return known;
      for (let attempt = 0; attempt <= servers.length; attempt += 1) {
        fill(without);
        if (candidates.count === 0) break;
        const server = servers[candidates.server[pick(exchange)] as number] as UpstreamServer;
        const claimed = claim(server);
        if (claimed !== undefined) return claimed; // else another thread was faster
      }
      return without === undefined ? undefined : lastResort(without);
    },
    hasRoom() {
      refresh();
      for (let index = 0; index < servers.length; index += 1) {
        if (usable[index] === 1 && mayTake(index, undefined)) return true;
      }
      return false;
    },
  };
}
