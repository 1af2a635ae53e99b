/**
 * The log's line for a request whose worker closed its connection under it, most often by its death:
 * the arbiter says how the worker ended, only the edge knows what it was doing.
 */
import type { Logger } from "@stack/base";
import { requestFacts } from "../../core/request-facts.ts";
import type { Exchange } from "../exchange.ts";

/** @param became of the request: "answered with 502" */
export function tellLost(log: Logger, worker: string, exchange: Exchange, became: string): void {
  if (exchange.done) return;
  const { method, url, client } = requestFacts(exchange);
  log.warn(`${worker} was lost while it had ${method} ${url} for ${client}: ${became}`);
}
