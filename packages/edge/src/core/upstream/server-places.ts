/**
 * Which words of an upstream's shared memory belong to which address. An address keeps its place as
 * long as it is there; a place is given to another only when nothing is in flight on it.
 */
import { mostServers } from "./server-memory.ts";

export interface ServerPlaces {
  /** The place of an address, its own or a new one; -1 when all are taken. */
  readonly take: (address: string) => number;
  /** Those not in `addresses` have left. */
  readonly keepOnly: (addresses: ReadonlySet<string>) => void;
}

/** @param isFree nothing is in flight on a place; then it is made as new */
export function createServerPlaces(isFree: (place: number) => boolean): ServerPlaces {
  const places = new Map<string, number>();
  const left = new Set<number>();
  let next = 0;
  return {
    take(address) {
      const known = places.get(address);
      if (known !== undefined) return known;
      let place = next < mostServers ? next++ : -1;
      if (place < 0) {
        place = [...left].find(isFree) ?? -1;
        left.delete(place);
      }
      if (place >= 0) places.set(address, place);
      return place;
    },
    keepOnly(addresses) {
      for (const [address, place] of places) {
        if (addresses.has(address)) continue;
        places.delete(address);
        left.add(place);
      }
    },
  };
}
