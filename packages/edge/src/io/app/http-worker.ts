/**
 * A worker that speaks HTTP/1.1 (Node workers, `command` apps): free as soon as its answer ended.
 * One that lost a request, or could not be reached, is doubted until a connection to it has opened
 * and stayed: it may be dead, and nobody has said so yet.
 */
import { connect, type Socket } from "node:net";
import { parseAddress } from "@stack/base";
import { isIdempotent } from "../../core/scheduling/replay.ts";
import {
  endTunnel,
  moveToTunnel,
  readState,
  releaseSlot,
  workerState,
} from "../../core/scheduling/worker-slots.ts";
import { createHttpLink } from "../upstream/http-link.ts";
import type { AppCall, WorkerHandle } from "./app-call.ts";
import { tellLost } from "./tell-lost.ts";
import type { WorkerLinkOptions } from "./worker-link.ts";

const limits = { headerBytes: 1024 * 1024, headerCount: 1000 };
const connectMs = 2_000;
/** A connection of a process that is being killed may still open: it has to stay this long. */
const trialMs = 20;
/** Pause before the next attempt; doubled up to the longest. */
const firstRetryMs = 50;
const longestRetryMs = 1_000;

export function openHttpWorker(options: WorkerLinkOptions): WorkerHandle {
  const { record, slots, observer, thread } = options;
  const address = parseAddress(record.address) ?? { kind: "unix", path: record.address };
  const link = createHttpLink({
    address,
    readBuffer: options.buffer,
    limits,
    connectMs,
    firstByteMs: options.timeoutMs,
    thread,
    onBug: (error) => thread.log.error(`a connection to ${record.id} failed: ${error}`),
  });
  const calls = new Set<AppCall>();
  let retired = false;
  let reported = false;
  let doubted = false;
  let trial: Socket | undefined;
  let trialEndsAt = 0;
  let retryAt = 0;
  let retryMs = firstRetryMs;

  const handle: WorkerHandle = {
    serial: options.serial,
    id: record.id,
    slots,
    isReady: () => !retired && !doubted,
    prepare: () => {},
    recent: 0,
    roomAhead: () => 0,
    isQuick: () => false,
    startAhead: () => {},
    start(call: AppCall, slot: number) {
      calls.add(call);
      call.exchange.servedBy = record.id;
      if (call.exchange.times !== undefined) call.exchange.times.release = record.release ?? "";
      let isTunnel = false;
      const observed = {
        onSwitched(): void {
          isTunnel = true;
          moveToTunnel(slots, slot, thread.index);
          observer.onWorkerFree(handle);
        },
        onSettled(_exchange: unknown, outcome: "answered" | "unreached" | "lost" | "late"): void {
          calls.delete(call);
          // Before its slot comes free, or the same request would be given to it again.
          if (outcome === "unreached" || outcome === "lost") doubt();
          if (isTunnel) endTunnel(slots, thread.index);
          else releaseSlot(slots, slot);
          observer.onCallSettled(call, handle, outcome);
          observer.onWorkerFree(handle);
          reportClosed();
        },
      };
      // Unless the worker never does, it may close an idle connection just now: what cannot be sent twice
      // gets its own.
      // So does what was lost before: it has no second replay.
      const isKept = record.keepsConnections === true || isIdempotent(call.exchange.head.method);
      if (isKept && call.attempts === 0) link.serve(call.exchange, observed);
      else link.serveFresh(call.exchange, observed);
    },
    retire() {
      retired = true;
      endTrial();
      link.retire();
      reportClosed();
    },
    // Its connections end by themselves, and what they carried is lost.
    drop(answer) {
      if (answer !== undefined) {
        for (const { exchange } of calls) {
          tellLost(thread.log, record.id, exchange, `${answer.reason}, ${answer.status}`);
          exchange.fail(answer.status, answer.reason);
        }
      }
      handle.retire();
    },
    distrust: () => {},
    check(now) {
      if (!retired && readState(slots) === workerState.gone) handle.drop();
      if (!doubted || retired) return;
      if (trial === undefined && now >= retryAt) tryOut();
      else if (trial !== undefined && now >= trialEndsAt) refute();
    },
  };

  function doubt(): void {
    if (doubted || retired) return;
    doubted = true;
    retryMs = firstRetryMs;
    link.closeIdle();
    tryOut();
  }

  function tryOut(): void {
    trialEndsAt = performance.now() + connectMs;
    const socket = address.kind === "unix" ? connect(address.path) : connect(address);
    trial = socket;
    socket.once("connect", () => {
      trialEndsAt = performance.now() + connectMs;
      setTimeout(() => {
        if (trial === socket) believe();
      }, trialMs);
    });
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.once("close", () => {
      if (trial === socket) refute();
    });
  }

  function believe(): void {
    endTrial();
    doubted = false;
    observer.onWorkerFree(handle);
  }

  function refute(): void {
    endTrial();
    retryAt = performance.now() + retryMs;
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  }

  function endTrial(): void {
    const socket = trial;
    trial = undefined;
    socket?.destroy();
  }

  function reportClosed(): void {
    if (!retired || reported || calls.size > 0) return;
    reported = true;
    observer.onWorkerClosed(handle);
  }
  return handle;
}
