/** Tells the operator once that something is wrong, and once that all is well again. */
import type { ErrorReport } from "@stack/base";
import type { SharedStoreEvents } from "../core/store/shared-store.ts";

export interface Trouble {
  readonly begin: (kind: string, error: ErrorReport) => void;
  readonly end: (kind: string) => void;
}

export function createTrouble(
  events: Pick<SharedStoreEvents, "onTrouble" | "onRecovered">,
): Trouble {
  const kinds = new Set<string>();
  return {
    begin(kind, error) {
      const isFirst = kinds.size === 0;
      kinds.add(kind);
      if (isFirst) events.onTrouble(error);
    },
    end(kind) {
      if (kinds.delete(kind) && kinds.size === 0) events.onRecovered();
    },
  };
}
