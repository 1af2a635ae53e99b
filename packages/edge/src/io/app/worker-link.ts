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
/** As many requests are sent ahead as the worker will probably come to within this time. */
const aheadMs = 5;
const mostAhead = 8;
/** So long they wait for a worker that says nothing; then they go to whoever is free. */
const stallMs = 5;

function roomBehind(tookMs: number): number {
  return tookMs * mostAhead < aheadMs ? mostAhead : Math.floor(aheadMs / tookMs);
}

export function openWorkerLink(options: WorkerLinkOptions): WorkerHandle {
  const { record, slots, observer, thread } = options;
  const address = parseAddress(record.address) ?? { kind: "unix", path: record.address };
  const connections = new Set<WorkerConnection>();
  const ready: WorkerConnection[] = [];
  const most = slotCount(slots);
  /** Of a worker that takes one request at a time: has the slot, if this thread has it. */
  let holder: WorkerConnection | undefined;
  /** Their requests were sent behind the holder's, and get the slot after it, in this order. */
  const ahead: WorkerConnection[] = [];
  /** How many may be sent ahead, by how long the last request took. */
  let room = 0;
  const stall = createStallWatch(
    stallMs,
    () => ahead.length > 0,
    () => {
      room = 0;
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
      removeAhead(connection); // it was heard before the holder's READY
      const wasBusy = release(connection);
      if (retired || connection.goaway) closeWorkerConnection(connection);
      else ready.push(connection);
      if (wasBusy || !retired) observer.onWorkerFree(handle);
    },
    onAnswered(connection, call) {
      const exchange = call.exchange as ClientExchange;
      room = exchange.done ? roomBehind(exchange.io.lastDone - connection.startedAt) : 0;
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
      // Whatever the worker does now, it had not come to the next yet, and nobody will hear when it does.
      if (connection === holder) returnAhead();
      const hadNotBegun = removeAhead(connection) && holder?.call !== undefined;
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
    roomAhead() {
      if (record.takesAhead !== true || ahead.length >= room || retired) return 0;
      if (holder?.call === undefined) return 0;
      if (ready.length > 0) return room - ahead.length;
      if (connections.size <= room) open(-1); // for the next time
      return 0;
    },
    startAhead(call) {
      const connection = ready.pop();
      if (connection === undefined) {
        observer.onCallReturned(call);
        return;
      }
      ahead.push(connection);
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
      ahead.length = 0;
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

  /** The worker has not come to them, and perhaps will not for long: it finds the connections closed. */
  function returnAhead(): void {
    // The last first: each goes before all others.
    for (const connection of ahead.splice(0).reverse()) {
      const call = connection.call;
      if (call === undefined || call.exchange.begun) continue;
      connection.call = undefined;
      closeWorkerConnection(connection);
      call.exchange.servedBy = "";
      observer.onCallReturned(call);
    }
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
    const next = ahead.shift();
    if (next === undefined) releaseSlot(slots, slot);
    else passSlot(next, slot);
    return true;
  }

  /** The worker is free for what was sent ahead. */
  function passSlot(next: WorkerConnection, slot: number): void {
    hold(next, slot);
    next.startedAt = performance.now();
    next.deadline = next.startedAt + next.timeoutMs;
  }

  function removeAhead(connection: WorkerConnection): boolean {
    const at = ahead.indexOf(connection);
    if (at >= 0) ahead.splice(at, 1);
    return at >= 0;
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
