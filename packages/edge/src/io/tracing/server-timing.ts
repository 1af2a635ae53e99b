/** The steps of a request in milliseconds: for the access log, and for browsers as `Server-Timing`. */
import { performance } from "node:perf_hooks";
import { editFields } from "../client/answer-edits.ts";
import type { ClientExchange } from "../client/client-state.ts";

/** From here on the exchange keeps its times. */
export function takeTimes(exchange: ClientExchange): void {
  if (exchange.times !== undefined) return;
  const times = { connectMs: -1, firstByteMs: -1, release: "" };
  exchange.times = times;
  editFields(exchange, (fields) => {
    times.firstByteMs = performance.now() - exchange.startedAt;
    return fields;
  });
}

/** `Server-Timing: total;dur=…, queue;dur=…, app;dur=…` (W3C Server Timing), as far as it is known. */
export function addServerTiming(exchange: ClientExchange): void {
  takeTimes(exchange);
  editFields(exchange, (fields) => {
    const { times, app, queueMs, servedBy } = exchange;
    if (times === undefined) return fields;
    const total = times.firstByteMs;
    let value = `total;dur=${total.toFixed(1)}`;
    if (app !== "") value += `, queue;dur=${queueMs.toFixed(1)}`;
    if (times.connectMs > 0) value += `, connect;dur=${times.connectMs.toFixed(1)}`;
    if (servedBy !== "") {
      const name = app === "" ? "upstream" : "app";
      const spent = Math.max(0, total - queueMs - Math.max(times.connectMs, 0));
      value += `, ${name};dur=${spent.toFixed(1)}`;
    }
    return `${fields}Server-Timing: ${value}\r\n`;
  });
}
