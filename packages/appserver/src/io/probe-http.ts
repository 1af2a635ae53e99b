/** One health check of a worker that speaks HTTP/1.1: a GET on a connection of its own. */
import { request } from "node:http";
import { parseAddress } from "@stack/base";
import type { HealthAnswer } from "../core/health-tally.ts";

/** Never rejects; `deadlineMs` covers the whole exchange, up to the answer's head. */
export function probeHttp(
  address: string,
  path: string,
  deadlineMs: number,
): Promise<HealthAnswer> {
  const target = parseAddress(address);
  return new Promise((resolve) => {
    if (target === undefined) {
      resolve({ kind: "broken", reason: `${address} is no address` });
      return;
    }
    const where =
      target.kind === "unix"
        ? { socketPath: target.path }
        : { host: target.host, port: target.port };
    const exchange = request({
      ...where,
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
      response.resume();
      response.on("error", () => {});
    });
    exchange.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ kind: "broken", reason: error.code ?? error.message });
    });
    exchange.end();
  });
}
