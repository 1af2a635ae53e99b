/**
 * `limits.connectionsPerAddress`, exact over all threads. Counted from the moment a connection is
 * accepted to its close; proxies that are trusted speak for many clients and are not counted.
 */

import type { Socket } from "node:net";
import { contentLengthLine } from "@stack/protocols";
import { full, type InFlightTable } from "../../core/protection/in-flight-table.ts";
import { addressKey } from "../../core/protection/request-key.ts";
import type { ThreadContext } from "../thread/thread-context.ts";

export interface AddressCap {
  /** False: its address has as many as it may. */
  readonly admits: (socket: Socket, address: string) => boolean;
  /** The whole answer for those that are not admitted. */
  readonly turnAwayAnswer: () => string;
}

/** No route has this name. */
const counter = "connections";
const retryAfterS = 1;

export function createAddressCap(thread: ThreadContext, table: InFlightTable): AddressCap {
  return {
    admits(socket, address) {
      const { plan, trust } = thread.active;
      const limit = plan.limits.connectionsPerAddress;
      if (limit === undefined || address === "" || trust?.(address) === true) return true;
      const cell = table.enter(counter, addressKey(address), limit);
      if (cell === full) return false;
      socket.once("close", () => table.leave(cell));
      return true;
    },
    turnAwayAnswer() {
      const reason = "too many connections from your address";
      const page = thread.errorPages.page(429, reason, false, retryAfterS);
      return `HTTP/1.1 429 ${page.phrase}\r\n${page.fields}${thread.dateLine}${contentLengthLine(page.body.length)}Connection: close\r\n\r\n${page.body}`;
    },
  };
}
