/**
 * One upstream on one thread: the request goes to a server by the rule of its `balance`, waits where
 * all have enough to do, and goes elsewhere when a server fails and that is safe. It lives as long as
 * plans name it; servers whose description stays keep their connections.
 */
import type { UpstreamPlan } from "@stack/config";
import { type CgiParams, noScript } from "@stack/protocols";
import { isIdempotent } from "../../core/scheduling/replay.ts";
import { createRetryBudget, type RetryBudget } from "../../core/upstream/retry-budget.ts";
import {
  countFailure,
  countSuccess,
  type EjectionRules,
  releaseServer,
  requestEnded,
  requestStarted,
  type ServerMemory,
} from "../../core/upstream/server-memory.ts";
import type { SharedServer } from "../../core/upstream/shared-upstream.ts";
import {
  type Attempts,
  closed,
  decideAfter,
  firstAttempt,
  type NextStep,
  unreachable,
} from "../../core/upstream/upstream-choice.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend, Exchange, LinkOutcome } from "../exchange.ts";
import { createServerChooser, type ServerChooser } from "./choose-server.ts";
import { createScriptFinder, type ScriptFinder } from "./script-finder.ts";
import { createServerQueue, type ServerQueue } from "./server-queue.ts";
import { createStickyCookie, type StickyCookie } from "./sticky-cookie.ts";
import {
  createUpstreamServer,
  keptMs,
  type LinkSettings,
  protocolOf,
  type UpstreamServer,
} from "./upstream-server.ts";

export interface Upstream extends Backend {
  readonly configure: (
    plan: UpstreamPlan,
    servers: readonly SharedServer[],
    settings: LinkSettings,
  ) => void;
  /** Its names have other addresses now. */
  readonly setServers: (servers: readonly SharedServer[]) => void;
  readonly onWake: () => void;
  readonly check: (now: number) => void;
  /** No plan names it any more. */
  readonly close: () => void;
}

export interface UpstreamOptions {
  /** This thread. */
  readonly self: number;
  readonly memory: ServerMemory;
  readonly queue: Int32Array;
  readonly timeOrigin: number;
  readonly wake: (thread: number) => void;
  /** A server could not be reached: its name may have another address by now. */
  readonly onUnreached: (server: string) => void;
  readonly onEjected: (server: string, ms: number) => void;
  /** What a FastCGI program wrote to its STDERR. */
  readonly onStderr: (line: string) => void;
}

interface Failed {
  readonly attempts: Attempts;
  readonly tried: readonly UpstreamServer[];
}

const defaultEjection: EjectionRules = { failures: 3, timeMs: 5_000, maxTimeMs: 60_000 };
const defaultRetries = { share: 0.2, perSecond: 3 };
const defaultQueue = { limit: 1_000, timeoutMs: 30_000 };

export function createUpstream(options: UpstreamOptions): Upstream {
  const { memory, self } = options;
  const failed = new WeakMap<Exchange, Failed>();
  let plan: UpstreamPlan = { servers: [] };
  let settings: LinkSettings | undefined;
  let shared: readonly SharedServer[] = [];
  let servers: readonly UpstreamServer[] = [];
  let chooser: ServerChooser | undefined;
  let budget: RetryBudget = createRetryBudget(0, 0, 0);
  let scripts: ScriptFinder | undefined;
  let sticky: StickyCookie | undefined;
  let params: CgiParams = noScript;
  let isLimited = false;

  const now = (): number => options.timeOrigin + performance.now();
  const queue: ServerQueue = createServerQueue({
    queue: options.queue,
    self,
    timeOrigin: options.timeOrigin,
    limit: () => plan.queueLimit ?? defaultQueue.limit,
    timeoutMs: () => plan.queueTimeoutMs ?? defaultQueue.timeoutMs,
    hasRoom: () => chooser?.hasRoom() ?? false,
    start(exchange) {
      const server = chooser?.choose(exchange, failed.get(exchange)?.tried);
      if (server === undefined) return false;
      send(server, exchange, failed.has(exchange));
      return true;
    },
    wake: options.wake,
    onWaited: (exchange, ms) => {
      const waited = exchange as Partial<ClientExchange>;
      waited.queueMs = (waited.queueMs ?? 0) + ms;
    },
  });

  function start(exchange: Exchange): void {
    if (isLimited && queue.isBusy()) {
      queue.enter(exchange);
      return;
    }
    const server = chooser?.choose(exchange, undefined);
    if (server !== undefined) send(server, exchange, false);
    else if (isLimited) queue.enter(exchange);
    else exchange.fail(502, "the upstream has no servers");
  }

  function send(server: UpstreamServer, exchange: Exchange, isRepeated: boolean): void {
    exchange.servedBy = server.name;
    sticky?.remember(exchange, server.token);
    requestStarted(memory, server.place, self);
    // A kept connection may be closed by the server just now: what cannot be sent twice gets its own,
    // or one that has just answered.
    const { link } = server;
    if (!isRepeated && isIdempotent(exchange.head.method)) link.serve(exchange, server);
    else if (!isRepeated && plan.reuse === "always") link.serveRecent(exchange, server);
    else link.serveFresh(exchange, server);
  }

  function onSettled(
    server: UpstreamServer,
    exchange: Exchange,
    outcome: LinkOutcome,
    wasKept: boolean,
  ): void {
    requestEnded(memory, server.place, self);
    if (server.limit > 0) releaseServer(memory, server.place);
    if (outcome === "answered") {
      countSuccess(memory, server.place);
    } else {
      // That a kept connection was closed says nothing of the server.
      if (outcome !== "lost" || !wasKept) blame(server);
      if (outcome === "unreached") options.onUnreached(server.name);
      if (!exchange.done) decide(server, exchange, outcome);
    }
    if (isLimited) queue.pump();
  }

  function blame(server: UpstreamServer): void {
    const rules = plan.eject === undefined ? defaultEjection : plan.eject;
    if (rules === null || servers.length < 2) return;
    const ms = countFailure(memory, server.place, self, rules, now());
    if (ms > 0) options.onEjected(server.name, ms);
  }

  function decide(
    server: UpstreamServer,
    exchange: Exchange,
    outcome: Exclude<LinkOutcome, "answered">,
  ): void {
    const before = failed.get(exchange);
    const step = decideAfter(
      outcome,
      before?.attempts ?? firstAttempt,
      exchange.head.method,
      exchange.bodyComplete,
    );
    if (step.kind === "fail") giveUp(exchange, step);
    else if (step.kind === "replay" && !budget.spend(now())) giveUp(exchange, closed);
    else again(server, exchange, step, before);
  }

  function again(
    server: UpstreamServer,
    exchange: Exchange,
    step: Exclude<NextStep, { readonly kind: "fail" }>,
    before: Failed | undefined,
  ): void {
    const tried = [...(before?.tried ?? []), server];
    failed.set(exchange, { attempts: step.attempts, tried });
    const other = chooser?.choose(exchange, tried);
    if (other !== undefined) {
      send(other, exchange, true);
      return;
    }
    if (isLimited && tried.length < servers.length) {
      queue.reenter(exchange); // the others are only full
    } else if (step.kind === "replay") {
      failed.set(exchange, { attempts: step.attempts, tried: [] });
      const same = chooser?.choose(exchange, []);
      if (same !== undefined) send(same, exchange, true);
      else if (isLimited) queue.reenter(exchange);
      else giveUp(exchange, closed);
    } else {
      giveUp(exchange, unreachable);
    }
  }

  function giveUp(exchange: Exchange, step: NextStep & { readonly kind: "fail" }): void {
    exchange.fail(step.status, step.reason);
  }

  function paramsOf(exchange: Exchange): CgiParams {
    return scripts === undefined ? params : scripts.paramsOf(exchange);
  }

  /** What can be taken over from the servers that are there is. */
  function rebuild(): void {
    if (settings === undefined) return;
    const linkSettings = { ...settings, idleMs: keptMs(plan) ?? settings.idleMs };
    const protocol = protocolOf(plan, paramsOf, options.onStderr);
    const { connectMs, firstByteMs, idleMs } = linkSettings;
    const common = [plan.protocol, plan.proxyProtocol, connectMs, firstByteMs, idleMs];
    const before = new Map(servers.map((server) => [server.key, server]));
    servers = shared.map((one) => {
      const token = sticky?.tokenOf(one.address) ?? "";
      const key = JSON.stringify([...common, one, token]);
      const kept = before.get(key);
      if (kept !== undefined) {
        before.delete(kept.key);
        return kept;
      }
      return createUpstreamServer({
        shared: one,
        key,
        token,
        protocol,
        proxyProtocol: plan.proxyProtocol,
        settings: linkSettings,
        onSettled,
      });
    });
    for (const gone of before.values()) gone.link.retire();
    isLimited = servers.some((server) => server.limit > 0);
    chooser = createServerChooser({
      servers,
      memory,
      balance: plan.balance ?? "least-busy",
      slowStartMs: plan.slowStartMs ?? 0,
      cookie: plan.sticky?.cookie ?? "",
      firstTurn: self,
      now,
    });
    if (isLimited) queue.pump();
  }

  return {
    wantsBody: true,
    handle(exchange) {
      budget.earn();
      if (scripts === undefined) start(exchange);
      else scripts.find(exchange, start);
    },
    retire: () => {}, // by `close`, when no plan names it
    configure(given, givenServers, givenSettings) {
      const extra = Object.entries(given.params ?? {});
      params = { ...noScript, extra };
      plan = given;
      shared = givenServers;
      settings = givenSettings;
      scripts = given.scripts === undefined ? undefined : createScriptFinder(given.scripts, extra);
      sticky = given.sticky === undefined ? undefined : createStickyCookie(given.sticky);
      const { share, perSecond } = given.retries ?? defaultRetries;
      budget = createRetryBudget(share, perSecond, now());
      rebuild();
    },
    setServers(given) {
      shared = given;
      rebuild();
    },
    onWake: queue.onWake,
    check: (time) => {
      if (isLimited || queue.isBusy()) queue.check(time);
    },
    close() {
      for (const server of servers) server.link.retire();
      servers = [];
      shared = [];
      chooser = undefined;
      isLimited = false;
      queue.close();
    },
  };
}
