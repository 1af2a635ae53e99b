/** One health check of a worker that speaks HTTP/1.1: a GET on a connection of its own. */
import { type RequestOptions, request } from "node:http";
import { parseAddress } from "@stack/base";
import type { HealthAnswer } from "../core/health-tally.ts";

/** Never rejects; `deadlineMs` covers the whole exchange, up to the answer's head. */
export function probeHttp(
  address: string,
  path: string,
  deadlineMs: number,
): Promise<HealthAnswer> {
  return new Promise<HealthAnswer>((resolve) => {
    const exchange = request({
      ...targetOf(address),
      path,
      method: "GET",
      agent: false,
      headers: { host: "localhost", connection: "close", "user-agent": "stack-health" },
    });
    const timer = setTimeout(() => {
      resolve({ kind: "silent", waitedMs: deadlineMs });
      exchange.destroy();
    }, deadlineMs);
    exchange.on("response", (response) => {
      clearTimeout(timer);
      resolve({ kind: "status", status: response.statusCode ?? 0 });
      response.on("error", () => {});
      response.resume();
    });
    exchange.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ kind: "broken", reason: error.code ?? error.message });
    });
    exchange.end();
  }).catch((error: Error) => ({ kind: "broken", reason: error.message })); // a path that is none
}

function targetOf(address: string): RequestOptions {
  const target = parseAddress(address);
  if (target === undefined) throw new Error(`${address} is no address`);
  return target.kind === "unix"
    ? { socketPath: target.path }
    : { host: target.host, port: target.port };
}
