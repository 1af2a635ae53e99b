/**
 * A descriptor each thread keeps for the time when none is left. A connection that cannot be accepted
 * cannot be closed either: it would wait without a word, and the loop would turn for it. libuv keeps one
 * for that too, but loses it when another thread accepts with what it has just freed, and tells nobody.
 */
import { closeSync, openSync } from "node:fs";
import type { Logger } from "@stack/base";
import type { DescriptorShortage } from "../../core/descriptor-shortage.ts";

export interface SpareDescriptor {
  /** What is accepted now is to be closed at once. */
  readonly isShort: () => boolean;
  /** Every 100 ms or so: gives the spare up where none is left, or takes one again. */
  readonly check: (now: number) => void;
}

const loggedEveryMs = 10_000;

export function createSpareDescriptor(
  shortage: DescriptorShortage,
  log: Pick<Logger, "warn">,
): SpareDescriptor {
  let spare = openAny();
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    isShort: shortage.isShort,
    check(now) {
      const another = openAny();
      if (spare < 0) {
        spare = another;
        if (spare >= 0) shortage.end();
        return;
      }
      if (another >= 0) {
        closeSync(another);
        return;
      }
      shortage.begin();
      closeSync(spare);
      spare = -1;
      if (now - loggedAt < loggedEveryMs) return;
      loggedAt = now;
      log.warn("no descriptor is left: new connections are closed (raise the limit of open files)");
    },
  };
}

/** -1 where none is left. */
function openAny(): number {
  try {
    return openSync("/dev/null", "r");
  } catch {
    return -1;
  }
}
