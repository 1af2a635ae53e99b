/** Which of an app's workers gets the next request. */
import {
  hasFreeSlot,
  lastUsed,
  readLoad,
  readState,
  workerState,
} from "../../core/scheduling/worker-slots.ts";
import type { AppCall, WorkerHandle } from "./app-call.ts";

/** So many more requests than another worker may one be given ahead of its turn. */
const mostLead = 8;

/** Of those that are free: the least loaded, and among these the one used longest ago. */
export function chooseWorker(
  workers: readonly WorkerHandle[],
  call: AppCall,
): WorkerHandle | undefined {
  let best: WorkerHandle | undefined;
  let bestLoad = 0;
  let bestUsed = 0;
  for (const worker of workers) {
    const { slots } = worker;
    if (!worker.isReady(call) || !hasFreeSlot(slots) || readState(slots) !== workerState.open)
      continue;
    const load = readLoad(slots);
    const used = lastUsed(slots);
    if (
      best === undefined ||
      load < bestLoad ||
      (load === bestLoad && ((used - bestUsed) | 0) < 0)
    ) {
      best = worker;
      bestLoad = load;
      bestUsed = used;
    }
  }
  return best;
}

export function hasFreeWorker(workers: readonly WorkerHandle[]): boolean {
  for (const { slots } of workers) {
    if (hasFreeSlot(slots) && readState(slots) === workerState.open) return true;
  }
  return false;
}

/**
 * The one that was given the fewest of late. None while another as quick was given many fewer: it has had
 * less of the processor, and who has more would take its share of the requests too.
 */
export function chooseAhead(workers: readonly WorkerHandle[]): WorkerHandle | undefined {
  let best: WorkerHandle | undefined;
  for (const worker of workers) {
    if (best !== undefined && worker.recent >= best.recent) continue;
    if (worker.roomAhead() > 0) best = worker;
  }
  if (best === undefined) return undefined;
  const most = best.recent - mostLead;
  return workers.some((worker) => worker.recent < most && worker.isQuick()) ? undefined : best;
}
