/**
 * One thread's connections to one Python worker: at least one as long as the worker lives, more up
 * to what it takes at once, and a shared one where the worker has that. A slot whose connection was closed
 * under it is carried over to the next connection and released by its READY: only then is the worker known to be free.
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
import type { Exchange } from "../exchange.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import type { AppCall, CallObserver, WorkerHandle } from "./app-call.ts";
import { openOwnConnection } from "./own-connection.ts";
import { createRequestsAhead } from "./requests-ahead.ts";
import { openSharedConnection, type SharedConnection } from "./shared-connection.ts";
import { tellLost } from "./tell-lost.ts";
import { type ChannelHost, closeChannel, type WorkerChannel } from "./worker-channel.ts";
import {
  continueBody,
  isKnownWhole,
  sendBodyEnd,
  sendPiece,
  sendRequest,
} from "./worker-request.ts";

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

export function openWorkerLink(options: WorkerLinkOptions): WorkerHandle {
  const { record, slots, observer, thread } = options;
  const address = parseAddress(record.address) ?? { kind: "unix", path: record.address };
  const channels = new Set<WorkerChannel>();
  const ready: WorkerChannel[] = [];
  /** Where the worker takes many exchanges on one connection: opened when it has said READY on another. */
  let shared: SharedConnection | undefined;
  const most = slotCount(slots);
  /** Of a worker that takes one request at a time: has the slot, if this thread has it. */
  let holder: WorkerChannel | undefined;
  /** What was sent behind the holder's, and gets the slot after it. */
  const ahead = createRequestsAhead(takeBack);
  let retired = false;
  let reported = false;
  let retryAt = Number.POSITIVE_INFINITY;
  let retryMs = firstRetryMs;

  const host: ChannelHost = {
    thread,
    address,
    buffer: options.buffer,
    name: record.id,
    onReady(channel) {
      retryMs = firstRetryMs;
      ahead.moved();
      ahead.remove(channel); // it was heard before the holder's READY
      const wasBusy = release(channel);
      if (retired || channel.goaway) closeChannel(channel);
      else {
        ready.push(channel);
        if (record.sharesConnection === true) openShared();
      }
      if (wasBusy || !retired) observer.onWorkerFree(handle);
    },
    onAnswered(channel, call) {
      const exchange = call.exchange as ClientExchange;
      ahead.answered(
        exchange.done ? exchange.io.lastDone - channel.startedAt : Number.POSITIVE_INFINITY,
      );
      observer.onCallSettled(call, handle, "answered");
      // No READY follows on a connection the worker wants to be closed.
      if (channel.goaway && channel.requestEnded) freeSlot(channel);
    },
    onGoaway(channel) {
      retired = true;
      freeSlot(channel);
      closeChannel(channel);
    },
    onClosed(channel, call, wasReached) {
      channels.delete(channel);
      removeReady(channel);
      // Whatever the worker does now, it had not come to the next yet, and nobody will hear when it does.
      if (channel === holder) ahead.takeBack();
      const hadNotBegun = ahead.remove(channel) && holder?.call !== undefined;
      if (call !== undefined) {
        if (!hadNotBegun && most > 1) handle.distrust();
        if (hadNotBegun) observer.onCallReturned(call);
        else settleLost(call);
      }
      replace(channel, wasReached);
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
    recent: 0,
    isReady: ({ exchange }) => !retired && (ready.length > 0 || takesShared(exchange)),
    prepare() {
      if (!retired && channels.size < most && retryAt === Number.POSITIVE_INFINITY) open(-1);
    },
    start(call, slot) {
      const channel = takesShared(call.exchange) ? shared?.take(slot) : ready.pop();
      if (channel === undefined) {
        releaseSlot(slots, slot);
        observer.onCallSettled(call, handle, "unreached");
        return;
      }
      hold(channel, slot);
      send(channel, call);
    },
    roomAhead() {
      if (record.takesAhead !== true || retired) return 0;
      if (holder?.call === undefined) return 0;
      const room = ahead.room();
      if (room <= 0 || ready.length > 0) return room;
      if (channels.size <= ahead.most()) open(-1); // for the next time
      return 0;
    },
    isQuick: () => ahead.isQuick(holder),
    startAhead(call) {
      const channel = ready.pop();
      if (channel === undefined) {
        observer.onCallReturned(call);
        return;
      }
      ahead.add(channel);
      send(channel, call);
      channel.deadline = Number.POSITIVE_INFINITY; // begins when it gets the slot
    },
    retire() {
      retired = true;
      retryAt = Number.POSITIVE_INFINITY;
      for (const channel of ready.splice(0)) closeChannel(channel);
      for (const channel of channels) {
        if (channel.call === undefined && channel.slot < 0) closeChannel(channel);
      }
      shared?.retire();
      reportClosed();
    },
    drop(answer) {
      retired = true;
      if (holder?.call !== undefined) ahead.takeBack();
      ahead.clear();
      retryAt = Number.POSITIVE_INFINITY;
      for (const channel of everyChannel()) {
        const call = channel.call;
        channel.call = undefined;
        if (call !== undefined && answer !== undefined) settleWith(answer, call);
        freeSlot(channel);
        closeChannel(channel);
        if (call !== undefined && answer === undefined) settleLost(call);
      }
      shared?.close();
      reportClosed();
    },
    // After a loss, or what is safe would be tried once more on a connection that ends a moment later.
    distrust() {
      if (retired) return;
      for (const channel of ready.splice(0)) closeChannel(channel);
      open(-1);
    },
    check(now) {
      if (now >= retryAt) {
        retryAt = Number.POSITIVE_INFINITY;
        if (channels.size === 0) open(-1);
      }
      for (const channel of everyChannel()) {
        if (now < channel.deadline) continue;
        if (channel.isMoving) extend(channel, now);
        else endLate(channel);
      }
    },
  };

  function open(slot: number): void {
    const channel = openOwnConnection(host, slot);
    channels.add(channel);
    if (slot >= 0) holder = channel;
  }

  function openShared(): void {
    shared ??= openSharedConnection(
      {
        ...host,
        onReady: freeSlot,
        onClosed(stream, call) {
          if (call !== undefined) settleLost(call);
          freeSlot(stream);
        },
      },
      {
        onReady: () => observer.onWorkerFree(handle),
        onGoaway() {
          retired = true;
        },
        onLost: () => handle.distrust(),
        onClosed() {
          shared = undefined;
          reportClosed();
        },
      },
    );
  }

  function takesShared(exchange: Exchange): boolean {
    return shared?.isReady() === true && isKnownWhole(exchange);
  }

  function everyChannel(): WorkerChannel[] {
    return shared === undefined ? [...channels] : [...channels, ...shared.streams()];
  }

  function hold(channel: WorkerChannel, slot: number): void {
    channel.slot = slot;
    holder = channel;
  }

  function send(channel: WorkerChannel, call: AppCall): void {
    call.exchange.servedBy = record.id;
    if (call.exchange.times !== undefined) call.exchange.times.release = record.release ?? "";
    sendRequest(channel, call, options.timeoutMs());
  }

  /** Of what was sent ahead: the worker finds the connection closed when it comes to it. */
  function takeBack(channel: WorkerChannel): void {
    const call = channel.call;
    if (call === undefined || call.exchange.begun) return;
    channel.call = undefined;
    closeChannel(channel);
    call.exchange.servedBy = "";
    observer.onCallReturned(call);
  }

  /** After a connection has closed: the worker may live on, and may still be busy with what was aborted. */
  function replace(channel: WorkerChannel, wasReached: boolean): void {
    const gone = readState(slots) === workerState.gone;
    if (channel.slot >= 0 && !gone && wasReached && !channel.goaway) {
      open(channel.slot);
      return;
    }
    freeSlot(channel);
    if (retired || gone || channels.size > 0) return;
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
  function extend(channel: WorkerChannel, now: number): void {
    channel.isMoving = false;
    channel.deadline = now + channel.timeoutMs;
  }

  function endLate(channel: WorkerChannel): void {
    channel.deadline = Number.POSITIVE_INFINITY;
    const call = channel.call;
    channel.call = undefined;
    closeChannel(channel);
    if (call !== undefined) observer.onCallSettled(call, handle, "late");
  }

  function freeSlot(channel: WorkerChannel): void {
    if (release(channel)) observer.onWorkerFree(handle);
  }

  function release(channel: WorkerChannel): boolean {
    const slot = channel.slot;
    if (slot < 0) return false;
    channel.slot = -1;
    holder = undefined;
    const next = ahead.next();
    if (next === undefined) releaseSlot(slots, slot);
    else passSlot(next, slot);
    return true;
  }

  /** The worker is free for what was sent ahead. */
  function passSlot(next: WorkerChannel, slot: number): void {
    hold(next, slot);
    next.startedAt = performance.now();
    next.deadline = next.startedAt + next.timeoutMs;
  }

  function removeReady(channel: WorkerChannel): void {
    const at = ready.indexOf(channel);
    if (at >= 0) ready.splice(at, 1);
  }

  function reportClosed(): void {
    if (!retired || reported || channels.size > 0 || shared !== undefined) return;
    reported = true;
    observer.onWorkerClosed(handle);
  }

  open(-1);
  return handle;
}
