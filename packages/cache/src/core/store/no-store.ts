/** No second level: every key is unknown, and everybody may fill it. */
import type { SharedStats, SharedStore } from "./shared-store.ts";

const stats: SharedStats = {
  name: "none",
  available: true,
  records: 0,
  bytes: 0,
  hits: 0,
  misses: 0,
  failures: 0,
};

export function createNoStore(): SharedStore {
  const mine = { kind: "mine", token: "" } as const;
  return {
    name: "none",
    get: async () => undefined,
    getOrLease: async () => mine,
    acquireLease: async () => mine,
    releaseLease: () => {},
    set: async () => {},
    delete: async () => {},
    list: async () => ({ records: [], next: undefined }),
    stats: async () => stats,
    publishPurge: () => {},
    close: async () => {},
  };
}
