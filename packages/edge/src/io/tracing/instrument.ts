/**
 * What is done to every request when the config wants more than a line in the log: a request id, a
 * trace context, times of its steps. Built once per plan; undefined when nothing is wanted, and then
 * nothing is done.
 */
import { randomFillSync } from "node:crypto";
import type { EdgePlan } from "@stack/config";
import { editHeadLines, headerValue } from "@stack/protocols";
import {
  beginTrace,
  createRequestIds,
  isRequestId,
  type RandomBytes,
  traceIdOf,
} from "../../core/tracing/request-ids.ts";
import { addFields } from "../client/answer-edits.ts";
import type { ClientExchange } from "../client/client-state.ts";
import { addServerTiming, takeTimes } from "./server-timing.ts";

export type Instrument = (exchange: ClientExchange) => void;

/** @param needsTimes the access log says something about the steps of a request */
export function createInstrument(plan: EdgePlan, needsTimes: boolean): Instrument | undefined {
  const tracing = plan.tracing ?? { requestId: false, traceparent: false, serverTiming: false };
  const steps: Instrument[] = [];
  if (tracing.requestId || tracing.traceparent) steps.push(createNaming(tracing));
  if (needsTimes) steps.push(takeTimes);
  if (tracing.serverTiming !== false) {
    const onlyTrusted = tracing.serverTiming === "trusted";
    steps.push((exchange) => {
      if (!onlyTrusted || exchange.client.trusted) addServerTiming(exchange);
    });
  }
  if (steps.length === 0) return undefined;
  return (exchange) => {
    for (const step of steps) step(exchange);
  };
}

function createNaming(tracing: { requestId: boolean; traceparent: boolean }): Instrument {
  const random = createRandomPool();
  const nextId = createRequestIds(random);
  // A client's own word for either is not passed on; a trusted proxy's is.
  const removed = new Set([
    ...(tracing.requestId ? ["x-request-id"] : []),
    ...(tracing.traceparent ? ["traceparent"] : []),
  ]);
  const removedState = new Set([...removed, "tracestate"]);
  return (exchange) => {
    const { head, client } = exchange;
    let added = "";
    let continues = false;
    if (tracing.requestId) {
      const said = client.trusted ? headerValue(head, "x-request-id") : undefined;
      exchange.requestId = isRequestId(said) ? said : nextId();
      added = `X-Request-Id: ${exchange.requestId}\r\n`;
      addFields(exchange, added);
    }
    if (tracing.traceparent) {
      const said = client.trusted ? headerValue(head, "traceparent") : undefined;
      const known = traceIdOf(said);
      continues = known !== undefined;
      if (known === undefined) {
        const begun = beginTrace(random);
        exchange.traceId = begun.traceId;
        added += `traceparent: ${begun.traceparent}\r\n`;
      } else {
        exchange.traceId = known;
        added += `traceparent: ${said}\r\n`;
      }
    }
    editHeadLines(head, tracing.traceparent && !continues ? removedState : removed, added);
  };
}

/** Asking the kernel each time costs more than the rest. */
function createRandomPool(): RandomBytes {
  const pool = Buffer.allocUnsafeSlow(6 * 1024);
  let used = pool.length;
  return (count) => {
    if (used + count > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    used += count;
    return pool.subarray(used - count, used);
  };
}
