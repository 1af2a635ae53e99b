/**
 * One answer through an encoder: what its owner writes goes in, what comes out goes to the client.
 * The owner is done with it when it has ended it; the exchange is when the last coded byte is
 * written. Each side waits for the other, and what one gives up is given up by all.
 */
import type { Encoding } from "@stack/config";
import type { Exchange, ExchangeOwner } from "../exchange.ts";
import { type EncoderLoad, openEncoder } from "./encoders.ts";

/** An answer without a body for this long is not at work. */
const firstByteMs = 50;

/**
 * Takes over `write`, `end`, `fail` and `owner` of an exchange that was begun.
 *
 * @param length of the body as it was announced; negative when unknown
 */
export function encodeAnswer(
  exchange: Exchange,
  encoding: Encoding,
  length: number,
  load: EncoderLoad,
): void {
  const { write, end, fail, isFlushed } = exchange;
  const { stream, flushKind } = openEncoder(encoding, length);
  exchange.neverSpilled = true; // only what is coded may leave, and only by the way it has
  let owner = exchange.owner;
  let received = 0;
  let hasEnded = false;
  let isBusy = false;
  let isOpen = true;
  load.open += 1;
  // It counts from now on, not from its first byte: many may begin before one has any.
  const patience = setTimeout(() => {
    if (received === 0) setBusy(false);
  }, firstByteMs).unref();

  const setBusy = (busy: boolean): void => {
    if (busy === isBusy) return;
    isBusy = busy;
    load.busy += busy ? 1 : -1;
  };
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(patience);
    setBusy(false);
    load.open -= 1;
    stream.destroy();
  };
  /** All that was written has gone in, and no more has come: the client need not wait for it. */
  const flushIfQuiet = (): void => {
    if (!isOpen || hasEnded || stream.writableLength > 0) return;
    stream.flush(flushKind);
  };
  const onTaken = (): void => {
    if (stream.writableLength > 0) return;
    setBusy(false);
    if (!hasEnded) setImmediate(flushIfQuiet);
  };
  const cut = (reason: string): void => {
    close();
    fail.call(exchange, 500, reason);
  };
  setBusy(true);
  stream.on("data", (coded: Buffer) => {
    if (!exchange.done && !write.call(exchange, coded)) stream.pause();
  });
  stream.on("drain", () => {
    if (!exchange.done) owner?.onDrain(exchange);
  });
  stream.on("end", () => {
    close();
    end.call(exchange);
  });
  stream.on("error", () => cut("the answer could not be compressed"));

  exchange.write = (bytes) => {
    if (exchange.done || hasEnded || !isOpen || bytes.length === 0) return true;
    const left = length < 0 ? bytes.length : length - received;
    const isSurplus = bytes.length > left;
    if (isSurplus && left === 0) return true;
    received += isSurplus ? left : bytes.length;
    setBusy(true);
    if (typeof bytes === "string") {
      return stream.write(isSurplus ? bytes.slice(0, left) : bytes, "latin1", onTaken);
    }
    return stream.write(isSurplus ? bytes.subarray(0, left) : bytes, onTaken);
  };
  exchange.isFlushed = () => stream.writableLength === 0 && isFlushed.call(exchange);
  exchange.end = () => {
    if (exchange.done || hasEnded) return;
    hasEnded = true;
    owner = undefined;
    if (received < length) cut("the answer was shorter than announced");
    else stream.end();
  };
  exchange.fail = (status, reason, retryAfterS) => {
    if (exchange.done) return;
    close();
    fail.call(exchange, status, reason, retryAfterS);
  };
  const relay: ExchangeOwner = {
    onAbort() {
      const told = owner;
      owner = undefined;
      close();
      told?.onAbort(exchange);
    },
    onDrain: () => void stream.resume(),
    onBody: (_exchange, piece) => owner?.onBody(exchange, piece) ?? true,
    onBodyEnd: () => owner?.onBodyEnd(exchange),
  };
  Object.defineProperty(exchange, "owner", {
    get: () => relay,
    // Who let go of it did so because it was done with it, and was told so by its end.
    set: (next: ExchangeOwner | undefined) => {
      if (next !== undefined && !hasEnded) owner = next;
    },
  });
}
