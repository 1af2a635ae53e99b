/** A worker that speaks HTTP/1.1 (Node workers, `command` apps): free as soon as its answer ended. */
import { parseAddress } from "@stack/base";
import { isIdempotent } from "../../core/scheduling/replay.ts";
import { readState, releaseSlot, workerState } from "../../core/scheduling/worker-slots.ts";
import { createHttpLink } from "../upstream/http-link.ts";
import type { AppCall, WorkerHandle } from "./app-call.ts";
import type { WorkerLinkOptions } from "./worker-link.ts";

const limits = { headerBytes: 1024 * 1024, headerCount: 1000 };
const connectMs = 2_000;

export function openHttpWorker(options: WorkerLinkOptions): WorkerHandle {
  const { record, slots, observer, thread } = options;
  const link = createHttpLink({
    address: parseAddress(record.address) ?? { kind: "unix", path: record.address },
    readBuffer: options.buffer,
    limits,
    connectMs,
    firstByteMs: options.timeoutMs,
    onBug: (error) => thread.log.error(`a connection to ${record.id} failed: ${error}`),
  });
  let inFlight = 0;
  let retired = false;
  let reported = false;

  const handle: WorkerHandle = {
    serial: options.serial,
    id: record.id,
    slots,
    isReady: () => !retired,
    prepare: () => {},
    start(call: AppCall, slot: number) {
      inFlight += 1;
      call.exchange.servedBy = record.id;
      const observed = {
        onSettled(_exchange: unknown, outcome: "answered" | "unreached" | "lost" | "late"): void {
          inFlight -= 1;
          releaseSlot(slots, slot);
          observer.onCallSettled(call, handle, outcome);
          observer.onWorkerFree(handle);
          reportClosed();
        },
      };
      // An idle connection may be closed by the worker just now: what cannot be sent twice gets its own.
      if (isIdempotent(call.exchange.head.method)) link.serve(call.exchange, observed);
      else link.serveFresh(call.exchange, observed);
    },
    retire() {
      retired = true;
      link.retire();
      reportClosed();
    },
    drop() {
      // Its connections end by themselves, and what they carried is lost.
      retired = true;
      link.retire();
      reportClosed();
    },
    distrust: () => {},
    check: () => {
      if (!retired && readState(slots) === workerState.gone) handle.drop();
    },
  };

  function reportClosed(): void {
    if (!retired || reported || inFlight > 0) return;
    reported = true;
    observer.onWorkerClosed(handle);
  }
  return handle;
}
