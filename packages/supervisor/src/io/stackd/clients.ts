/** The command line and the dashboard: answers their requests, and pushes what happens. */
import { assertNever, errorFromReport, reportOf } from "@stack/base";
import type {
  ClientRequest,
  RunningRequest,
  ServerPush,
  StackEvent,
  StatusData,
} from "@stack/control";
import { createProcessSampler } from "@stack/process";
import { changeUnderWay } from "../../errors.ts";
import { restartServices, scaleApp, startServices, stopServices } from "./changes.ts";
import type { ClientPeer } from "./control-server.ts";
import { setMaintenance } from "./maintenance.ts";
import { reloadStack } from "./reload.ts";
import { pidsOf, takeSnapshot } from "./snapshot.ts";
import type { Stack } from "./stack.ts";

export interface Clients {
  readonly attach: (peer: ClientPeer) => void;
  /** Something that `status` shows has changed. */
  readonly changed: () => void;
  readonly event: (event: StackEvent) => void;
  /** Runs a change unless another one is under way: then E2004. */
  readonly exclusively: <T>(name: string, change: () => Promise<T>) => Promise<T>;
}

export interface ClientHooks {
  /** Drains and stops everything; resolves before the keeper is told. */
  readonly down: (now: boolean) => Promise<void>;
  /** Called once the reply to `down` has left. */
  readonly finish: () => void;
  /** The number of owners rose from or fell to zero. */
  readonly onOwner: (present: boolean, disowned: boolean) => void;
}

const pushEveryMs = 1_000;
/** Changes come in bursts: one snapshot for all of this time. */
const coalesceMs = 50;
/** A wait has no deadline of its own: who asked goes away when it has had enough. */
const longMs = 24 * 3_600_000;

export function createClients(stack: Stack, hooks: ClientHooks): Clients {
  const sampler = createProcessSampler();
  const watchers = new Set<ClientPeer>();
  const owners = new Set<ClientPeer>();
  let soon: NodeJS.Timeout | undefined;
  let change: string | null = null;
  let running: readonly RunningRequest[] = [];

  const ticker = setInterval(() => {
    if (watchers.size === 0) return;
    void refreshRunning(); // for the next one
    push();
  }, pushEveryMs);
  ticker.unref();

  function snapshot(): StatusData {
    sampler.sample(pidsOf(stack), performance.now());
    return takeSnapshot(stack, sampler, running);
  }

  function push(): void {
    clearTimeout(soon);
    soon = undefined;
    broadcast({ type: "snapshot", status: snapshot() });
  }

  function broadcast(message: ServerPush): void {
    for (const peer of watchers) peer.send(message);
  }

  async function exclusively<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (change !== null) throw changeUnderWay({ change });
    change = name;
    try {
      return await act();
    } finally {
      change = null;
    }
  }

  async function refreshRunning(): Promise<readonly RunningRequest[]> {
    const lists = await Promise.all(stack.edges.all().map((edge) => edge.requests()));
    running = lists.flat().sort((a, b) => b.ageMs - a.ageMs);
    return running;
  }

  async function answer(peer: ClientPeer, request: ClientRequest): Promise<unknown> {
    switch (request.op) {
      case "status":
        await refreshRunning();
        return snapshot();
      case "requests":
        return refreshRunning();
      case "wait-ready":
        return waitReady();
      case "watch":
        watchers.add(peer);
        peer.send({ type: "snapshot", status: snapshot() });
        return null;
      case "own":
        owners.add(peer);
        hooks.onOwner(true, false);
        return null;
      case "disown":
        owners.delete(peer);
        if (owners.size === 0) hooks.onOwner(false, true);
        return null;
      case "down":
        await hooks.down(request.now);
        return null;
      case "reload":
        await exclusively("reload", () => reloadStack(stack, request));
        return { release: stack.release() };
      case "restart":
        return exclusively("restart", () => restartServices(stack, request.names));
      case "start":
        return exclusively("start", () => startServices(stack, request.names));
      case "stop":
        return exclusively("stop", () => stopServices(stack, request.names));
      case "scale":
        return exclusively("scale", () => scaleApp(stack, request.name, request.workers));
      case "cache":
        return stack.edges.cache(request.order);
      case "maintenance":
        return setMaintenance(stack, request.change);
      default:
        return assertNever(request);
    }
  }

  function waitReady(): Promise<StatusData> {
    return stack.until(
      () => {
        if (stack.isReady()) return snapshot();
        const error = stack.firstError();
        if (error !== null) throw errorFromReport(error);
        return undefined;
      },
      longMs,
      () => new Error("nobody waits for a day"),
    );
  }

  return {
    attach(peer) {
      peer.onMessage = ({ id, request }) => {
        answer(peer, request)
          .then(
            (data) => peer.send({ type: "reply", id, ok: true, data: data ?? null }),
            (error: unknown) => {
              peer.send({ type: "reply", id, ok: false, error: reportOf(error) });
            },
          )
          .finally(() => {
            if (request.op === "down") hooks.finish();
          });
      };
      peer.onClose = () => {
        watchers.delete(peer);
        if (owners.delete(peer) && owners.size === 0) hooks.onOwner(false, false);
      };
    },
    changed() {
      if (watchers.size > 0) soon ??= setTimeout(push, coalesceMs);
    },
    event: (event) => broadcast({ type: "event", event }),
    exclusively,
  };
}
