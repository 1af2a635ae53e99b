/**
 * The log's line for a request whose connection to the worker ended under it, most often by the worker's
 * death: the arbiter says how that ended, only the edge knows what it was doing.
 */
import type { Logger } from "@stack/base";
import { requestFacts } from "../../core/request-facts.ts";
import type { Exchange } from "../exchange.ts";

/** @param how it ended, and what became of the request */
export function tellLost(log: Logger, worker: string, exchange: Exchange, how: string): void {
  if (exchange.done) return;
  const { method, url, client } = requestFacts(exchange);
  log.warn(`${worker} did not finish ${method} ${url} for ${client}: ${how}`);
}
