/**
 * One thread's connections to one Python worker: at least one as long as the worker lives, more up
 * to what it takes at once. A slot whose connection was closed under it is carried over to the next
 * connection and released by its READY: only then is the worker known to be free.
 */
import { performance } from "node:perf_hooks";
import { parseAddress } from "@stack/base";
import type { GoneAnswer, WorkerRecord } from "@stack/control";
import {
  readState,
  releaseSlot,
  slotCount,
  workerState,
} from "../../core/scheduling/worker-slots.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import type { AppCall, CallObserver, WorkerHandle } from "./app-call.ts";
import { createStallWatch } from "./stall-watch.ts";
import { tellLost } from "./tell-lost.ts";
import {
  type ConnectionHost,
  closeWorkerConnection,
  openWorkerConnection,
  type WorkerConnection,
} from "./worker-connection.ts";
import { continueBody, sendBodyEnd, sendPiece, sendRequest } from "./worker-request.ts";

export interface WorkerLinkOptions {
  readonly serial: number;
  readonly record: WorkerRecord;
  readonly slots: Int32Array;
  readonly thread: ThreadContext;
  readonly buffer: Buffer;
  readonly observer: CallObserver;
  /** How long the app may take, from the plan in force. */
  readonly timeoutMs: () => number;
}

/** Pause before the next attempt to connect; doubled up to the longest. */
const firstRetryMs = 50;
const longestRetryMs = 1_000;
/** Behind a request that took no longer than this another is sent. */
const quickMs = 5;
/** So long it waits there for a worker that says nothing; then it goes to whoever is free. */
const stallMs = 5;

export function openWorkerLink(options: WorkerLinkOptions): WorkerHandle {
  const { record, slots, observer, thread } = options;
  const address = parseAddress(record.address) ?? { kind: "unix", path: record.address };
  const connections = new Set<WorkerConnection>();
  const ready: WorkerConnection[] = [];
  const most = slotCount(slots);
  /** Of a worker that takes one request at a time: has the slot, if this thread has it. */
  let holder: WorkerConnection | undefined;
  /** Its request was sent behind the holder's, and gets the slot after it (design D3). */
  let ahead: WorkerConnection | undefined;
  let isQuick = false;
  const stall = createStallWatch(
    stallMs,
    () => ahead !== undefined,
    () => {
      isQuick = false;
      returnAhead();
    },
  );
  let retired = false;
  let reported = false;
  let retryAt = Number.POSITIVE_INFINITY;
  let retryMs = firstRetryMs;

  const host: ConnectionHost = {
    thread,
    address,
    buffer: options.buffer,
    name: record.id,
    onReady(connection) {
      retryMs = firstRetryMs;
      stall.moved();
      if (connection === ahead) ahead = undefined; // it was heard before the holder's READY
      const wasBusy = release(connection);
      if (retired || connection.goaway) closeWorkerConnection(connection);
      else ready.push(connection);
      if (wasBusy || !retired) observer.onWorkerFree(handle);
    },
    onAnswered(connection, call) {
      const exchange = call.exchange as ClientExchange;
      isQuick = exchange.done && exchange.io.lastDone - connection.startedAt < quickMs;
      observer.onCallSettled(call, handle, "answered");
      // No READY follows on a connection the worker wants to be closed.
      if (connection.goaway && connection.requestEnded) freeSlot(connection);
    },
    onGoaway(connection) {
      retired = true;
      freeSlot(connection);
      closeWorkerConnection(connection);
    },
    onClosed(connection, call) {
      connections.delete(connection);
      removeReady(connection);
      // What the worker died of was not the request it had not come to yet.
      if (call !== undefined && connection === holder) returnAhead();
      const hadNotBegun = connection === ahead && holder?.call !== undefined;
      if (connection === ahead) ahead = undefined;
      const wasReached = connection.socket.bytesRead > 0;
      if (call !== undefined) {
        if (hadNotBegun) observer.onCallReturned(call);
        else settleLost(call);
      }
      replace(connection, wasReached);
      reportClosed();
    },
    onWindow: continueBody,
    onRequestPiece: sendPiece,
    onRequestEnd: sendBodyEnd,
  };

  const handle: WorkerHandle = {
    serial: options.serial,
    id: record.id,
    slots,
    isReady: () => ready.length > 0 && !retired,
    prepare() {
      if (!retired && connections.size < most && retryAt === Number.POSITIVE_INFINITY) open(-1);
    },
    start(call, slot) {
      const connection = ready.pop();
      if (connection === undefined) {
        releaseSlot(slots, slot);
        observer.onCallSettled(call, handle, "unreached");
        return;
      }
      hold(connection, slot);
      send(connection, call);
    },
    takesAhead() {
      if (record.takesAhead !== true || !isQuick || retired) return false;
      if (holder?.call === undefined || ahead !== undefined) return false;
      if (ready.length > 0) return true;
      if (connections.size === 1) open(-1); // for the next time
      return false;
    },
    startAhead(call) {
      const connection = ready.pop();
      if (connection === undefined) {
        observer.onCallReturned(call);
        return;
      }
      ahead = connection;
      send(connection, call);
      connection.deadline = Number.POSITIVE_INFINITY; // begins when it gets the slot
      stall.start();
    },
    retire() {
      retired = true;
      retryAt = Number.POSITIVE_INFINITY;
      for (const connection of ready.splice(0)) closeWorkerConnection(connection);
      for (const connection of connections) {
        if (connection.call === undefined && connection.slot < 0) closeWorkerConnection(connection);
      }
      reportClosed();
    },
    drop(answer) {
      retired = true;
      if (holder?.call !== undefined) returnAhead();
      ahead = undefined;
      retryAt = Number.POSITIVE_INFINITY;
      for (const connection of [...connections]) {
        const call = connection.call;
        connection.call = undefined;
        if (call !== undefined && answer !== undefined) settleWith(answer, call);
        freeSlot(connection);
        closeWorkerConnection(connection);
        if (call !== undefined && answer === undefined) settleLost(call);
      }
      reportClosed();
    },
    distrust() {
      if (retired) return;
      for (const connection of ready.splice(0)) closeWorkerConnection(connection);
      open(-1);
    },
    check(now) {
      if (now >= retryAt) {
        retryAt = Number.POSITIVE_INFINITY;
        if (connections.size === 0) open(-1);
      }
      for (const connection of connections) {
        if (now < connection.deadline) continue;
        if (connection.isMoving) extend(connection, now);
        else endLate(connection);
      }
    },
  };

  function open(slot: number): void {
    const connection = openWorkerConnection(host, slot);
    connections.add(connection);
    if (slot >= 0) holder = connection;
  }

  function hold(connection: WorkerConnection, slot: number): void {
    connection.slot = slot;
    holder = connection;
  }

  function send(connection: WorkerConnection, call: AppCall): void {
    call.exchange.servedBy = record.id;
    if (call.exchange.times !== undefined) call.exchange.times.release = record.release ?? "";
    sendRequest(connection, call, options.timeoutMs());
  }

  /** The worker has not come to it, and perhaps will not for long: it finds the connection closed. */
  function returnAhead(): void {
    const connection = ahead;
    const call = connection?.call;
    if (connection === undefined || call === undefined || call.exchange.begun) return;
    ahead = undefined;
    connection.call = undefined;
    closeWorkerConnection(connection);
    call.exchange.servedBy = "";
    observer.onCallReturned(call);
  }

  /** After a connection has closed: the worker may live on, and may still be busy with what was aborted. */
  function replace(connection: WorkerConnection, wasReached: boolean): void {
    const gone = readState(slots) === workerState.gone;
    if (connection.slot >= 0 && !gone && wasReached && !connection.goaway) {
      open(connection.slot);
      return;
    }
    freeSlot(connection);
    if (retired || gone || connections.size > 0) return;
    retryAt = performance.now() + (wasReached ? 0 : retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  }

  function settleLost(call: AppCall): void {
    const exchange = call.exchange;
    if (!exchange.begun) {
      observer.onCallSettled(call, handle, "lost");
      return;
    }
    tellLost(thread.log, record.id, exchange, "its connection ended within the answer");
    exchange.fail(502, "the application ended within its answer");
    observer.onCallSettled(call, handle, "answered");
  }

  function settleWith({ status, reason }: GoneAnswer, call: AppCall): void {
    tellLost(thread.log, record.id, call.exchange, `${reason}, ${status}`);
    call.exchange.fail(status, reason);
    observer.onCallSettled(call, handle, "answered");
  }

  /** An answer that comes in small pieces may take as long as it likes (server-sent events). */
  function extend(connection: WorkerConnection, now: number): void {
    connection.isMoving = false;
    connection.deadline = now + connection.timeoutMs;
  }

  function endLate(connection: WorkerConnection): void {
    connection.deadline = Number.POSITIVE_INFINITY;
    const call = connection.call;
    connection.call = undefined;
    closeWorkerConnection(connection);
    if (call !== undefined) observer.onCallSettled(call, handle, "late");
  }

  function freeSlot(connection: WorkerConnection): void {
    if (release(connection)) observer.onWorkerFree(handle);
  }

  function release(connection: WorkerConnection): boolean {
    const slot = connection.slot;
    if (slot < 0) return false;
    connection.slot = -1;
    holder = undefined;
    if (ahead === undefined) releaseSlot(slots, slot);
    else passSlot(ahead, slot);
    return true;
  }

  /** The worker is free for what was sent ahead. */
  function passSlot(next: WorkerConnection, slot: number): void {
    ahead = undefined;
    hold(next, slot);
    next.startedAt = performance.now();
    next.deadline = next.startedAt + next.timeoutMs;
  }

  function removeReady(connection: WorkerConnection): void {
    const at = ready.indexOf(connection);
    if (at >= 0) ready.splice(at, 1);
  }

  function reportClosed(): void {
    if (!retired || reported || connections.size > 0) return;
    reported = true;
    observer.onWorkerClosed(handle);
  }

  open(-1);
  return handle;
}
