/** Whether the loop of a worker turns: one that serves many requests at once greets whoever connects. */
import { connect } from "node:net";

/** Resolves true when it said anything on a fresh connection; never rejects. */
export function probeGreeting(address: string, deadlineMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: address.replace(/^unix:/, "") });
    const timer = setTimeout(() => finish(false), deadlineMs);
    function finish(greeted: boolean): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(greeted);
    }
    socket.once("data", () => finish(true));
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
  });
}
