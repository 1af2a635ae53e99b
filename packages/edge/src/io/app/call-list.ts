/** Calls that wait on one thread, oldest first; any can leave at any time. */

import type { Exchange } from "../exchange.ts";
import type { AppCall } from "./app-call.ts";

export interface CallList {
  readonly first: () => AppCall | undefined;
  readonly append: (call: AppCall) => void;
  /** One that had its turn: it goes before all that had theirs later, or none yet. */
  readonly putBack: (call: AppCall) => void;
  readonly remove: (call: AppCall) => void;
  readonly find: (exchange: Exchange) => AppCall | undefined;
  /** The call under way may be removed meanwhile. */
  readonly forEach: (visit: (call: AppCall) => void) => void;
}

/** @param onHead told whenever another call is the oldest, or none */
export function createCallList(onHead: (head: AppCall | undefined) => void): CallList {
  let head: AppCall | undefined;
  let tail: AppCall | undefined;
  return {
    first: () => head,
    append(call) {
      call.previous = tail;
      call.next = undefined;
      if (tail === undefined) head = call;
      else tail.next = call;
      tail = call;
      if (head === call) onHead(head);
    },
    putBack(call) {
      let next = head;
      while (next !== undefined && next.turn !== 0 && next.turn < call.turn) next = next.next;
      const previous = next === undefined ? tail : next.previous;
      call.previous = previous;
      call.next = next;
      if (next === undefined) tail = call;
      else next.previous = call;
      if (previous !== undefined) previous.next = call;
      else {
        head = call;
        onHead(head);
      }
    },
    remove(call) {
      const { previous, next } = call;
      if (previous === undefined) head = next;
      else previous.next = next;
      if (next === undefined) tail = previous;
      else next.previous = previous;
      call.previous = undefined;
      call.next = undefined;
      if (previous === undefined) onHead(head);
    },
    find(exchange) {
      let call = head;
      while (call !== undefined && call.exchange !== exchange) call = call.next;
      return call;
    },
    forEach(visit) {
      let call = head;
      while (call !== undefined) {
        const next = call.next;
        visit(call);
        call = next;
      }
    },
  };
}
