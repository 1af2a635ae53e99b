/**
 * The last purges, for `stack cache stats` and the dashboard. What other edges on the same store purge
 * comes to all of them alike, our own too: a purge is noted once. Single URLs from elsewhere are what
 * a POST there has made old, not what an operator wants to read of.
 */
import type { Purge } from "@stack/cache";
import type { CachePurgeNote } from "@stack/control";

export interface PurgeNotes {
  readonly add: (purge: Purge, own: boolean) => void;
  /** The newest last. */
  readonly read: () => readonly CachePurgeNote[];
}

const kept = 10;

export function createPurgeNotes(): PurgeNotes {
  let notes: readonly CachePurgeNote[] = [];
  return {
    add({ target, soft, atMs }, own) {
      if (!own && target.kind === "url") return;
      const isKnown = notes.some(
        (one) => one.at === atMs && JSON.stringify(one.target) === JSON.stringify(target),
      );
      if (!isKnown) notes = [...notes, { target, soft, at: atMs, own }].slice(-kept);
    },
    read: () => notes,
  };
}
