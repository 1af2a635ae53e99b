/**
 * A client connection after an accepted upgrade: bytes both ways through the same exchange, at the
 * pace of the slower side, each direction closed on its own, with one idle timeout for both. The
 * methods replace those of an ordinary exchange, so that requests pay nothing for tunnels.
 */
import { performance } from "node:perf_hooks";
import { reasonOf } from "@stack/protocols";
import { chooseUpgrade, findHandshakeProblem } from "../../core/upgrade/handshake.ts";
import { holdReading, resumeReading, takePiece } from "../client/client-body.ts";
import { finish, hasRoom } from "../client/client-exchange.ts";
import { flush, put } from "../client/client-output.ts";
import { bodyMode, type ClientExchange, waitFor } from "../client/client-state.ts";
import type { Bytes } from "../exchange.ts";

const defaultTunnelMs = 600_000;

/** Gives a request the upgrade its route allows, or refuses a handshake that is none. */
export function offerUpgrade(exchange: ClientExchange): void {
  const { head, route } = exchange;
  const upgrade = chooseUpgrade(head, route.upgrades);
  if (upgrade === "") return;
  const problem = findHandshakeProblem(head, upgrade);
  if (problem === undefined) {
    exchange.upgrade = upgrade;
    exchange.switchProtocols = switchProtocols;
    return;
  }
  if (problem.status === 426) {
    const fields =
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Type: text/plain\r\n";
    exchange.answer(problem.status, "", fields, `426 ${problem.reason}\n`);
  } else exchange.fail(problem.status, problem.reason);
}

/** Takes what the client sent: all of it is for the other end. */
export function receiveTunnel(exchange: ClientExchange, buffer: Buffer, bytes: number): void {
  touch(exchange);
  takePiece(exchange, buffer, 0, bytes);
  if (exchange.bodyBlocked || exchange.bodyMode === bodyMode.collect) holdReading(exchange.io);
}

/** The client's FIN: the half-close reaches the other end after all that came before it. */
export function endOfClient(exchange: ClientExchange): void {
  exchange.bodyEnded = true;
  touch(exchange);
  if (exchange.bodyMode === bodyMode.stream && exchange.body.length === 0) passEnd(exchange);
}

function switchProtocols(this: ClientExchange, reason: string, fields: string): void {
  if (this.done || this.begun) return;
  const { io } = this;
  const now = performance.now();
  const lines = this.editAnswer === undefined ? fields : this.editAnswer(fields, this, 101);
  this.begun = true;
  this.status = 101;
  this.switchedAt = now;
  this.keepAlive = false;
  this.bodyEnded = false;
  this.bodyComplete = false;
  this.body = [];
  this.write = write;
  this.end = end;
  this.readBody = readBody;
  this.resumeBody = resumeBody;
  put(
    io,
    `HTTP/1.1 101 ${reason || reasonOf(101)}\r\n${lines}Connection: upgrade\r\nUpgrade: ${this.upgrade}\r\n\r\n`,
  );
  io.thread.metrics.tunnelOpened();
  io.thread.metrics.requestEnded(101, now - this.startedAt, io.thread.timeOrigin + now);
  io.waiting = waitFor.tunnel;
  touch(this);
  // The client need not wait for our 101 with its first bytes.
  if (io.offset < io.text.length) {
    const early = Buffer.from(io.text.slice(io.offset), "latin1");
    receiveTunnel(this, early, early.length);
  }
  io.text = "";
  io.offset = 0;
  if (io.peerEnded) endOfClient(this);
}

function write(this: ClientExchange, bytes: Bytes): boolean {
  if (this.done || this.answerEnded) return true;
  touch(this);
  this.answerBytes += bytes.length;
  put(this.io, bytes);
  return hasRoom(this);
}

/** The other end has said its last byte; the client may go on. */
function end(this: ClientExchange): void {
  if (this.done) return;
  const { io } = this;
  if (!this.answerEnded) {
    this.answerEnded = true;
    flush(io);
    touch(this);
    io.socket.end();
  }
  if (this.bodyEnded && this.body.length === 0) finish(this);
}

function readBody(this: ClientExchange): void {
  if (this.done || this.bodyMode !== bodyMode.collect) return;
  this.bodyMode = bodyMode.stream;
  pump(this);
}

function resumeBody(this: ClientExchange): void {
  if (this.done || !this.bodyBlocked) return;
  this.bodyBlocked = false;
  pump(this);
}

function pump(exchange: ClientExchange): void {
  let next = 0;
  while (next < exchange.body.length && !exchange.bodyBlocked && !exchange.done) {
    const piece = exchange.body[next++];
    if (piece === undefined || exchange.owner === undefined) break;
    exchange.bodyBytes -= piece.length;
    exchange.io.thread.budget.add(-piece.length);
    if (!exchange.owner.onBody(exchange, piece)) exchange.bodyBlocked = true;
  }
  if (exchange.done) return;
  exchange.body.splice(0, next);
  if (exchange.body.length > 0) return;
  if (exchange.bodyEnded) passEnd(exchange);
  else if (!exchange.bodyBlocked) resumeReading(exchange.io);
}

/** When both have ended the exchange is done before its owner hears of the client's end. */
function passEnd(exchange: ClientExchange): void {
  const { owner } = exchange;
  if (exchange.answerEnded) finish(exchange);
  owner?.onBodyEnd(exchange);
}

/** A sign of life of either side. */
function touch(exchange: ClientExchange): void {
  const { idle, tunnel = defaultTunnelMs } = exchange.plan.timeoutsMs;
  // Where one side is gone the other is expected to go as well.
  const hasEnd = exchange.answerEnded || exchange.bodyEnded;
  const allowedMs = hasEnd ? Math.min(idle, tunnel) : tunnel;
  exchange.io.deadline = performance.now() + allowedMs;
}
