/** One health check of a worker that speaks the worker protocol, on a connection of its own. */
import { connect } from "node:net";
import type { HealthAnswer } from "../core/health-tally.ts";
import { createProbeExchange } from "../core/probe-exchange.ts";

/** Never rejects; `deadlineMs` covers the wait for READY too, since the worker may be busy. */
export function probeWorker(
  address: string,
  path: string,
  deadlineMs: number,
): Promise<HealthAnswer> {
  const exchange = createProbeExchange(path);
  return new Promise((resolve) => {
    const socket = connect({ path: address.replace(/^unix:/, "") });
    const timer = setTimeout(() => finish({ kind: "silent", waitedMs: deadlineMs }), deadlineMs);
    function finish(answer: HealthAnswer): void {
      clearTimeout(timer);
      resolve(answer);
      socket.destroy();
    }
    socket.on("data", (chunk) => {
      const { send, answer } = exchange(chunk);
      if (send !== "") socket.write(send, "latin1");
      if (answer !== undefined) finish(answer);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      finish({ kind: "broken", reason: error.code ?? error.message });
    });
    socket.on("close", () => finish({ kind: "broken", reason: "closed without an answer" }));
  });
}
