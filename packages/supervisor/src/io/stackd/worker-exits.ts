/** The ends of workers: their arbiter tells that and why, the keeper what they wrote last. */
import type { InstanceState, LastExit } from "@stack/control";
import type { History } from "./history.ts";
import type { KeeperLink } from "./keeper-link.ts";

/** Records what is new in a view of an instance. */
export function recordWorkerExits(keeper: KeeperLink, history: History, view: InstanceState): void {
  for (const { id, lastExit } of view.workers) {
    const known = history.exits()[id]?.at(-1);
    if (lastExit === null || (known !== undefined && known.at >= lastExit.at)) continue;
    history.recordWorkerExit(id, lastExit);
    keeper.lastWords(id).then(
      (lines) => history.addLastWords(id, lastExit.at, lines),
      () => {}, // the keeper is gone
    );
  }
}

/** The same exit with its last words: what it said of its failure itself comes first. */
export function withLastWords(exit: LastExit, lines: readonly string[]): LastExit {
  const isTold = exit.stderr !== undefined && exit.stderr.length > 0;
  return isTold || lines.length === 0 ? exit : { ...exit, stderr: lines };
}
