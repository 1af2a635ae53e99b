/** What can go wrong with the stores of the cache, and what to do about it. All of it costs no request. */
import { defineError, exitCodes } from "@stack/base";

export const sharedCacheAway = defineError(
  "E2301",
  exitCodes.environment,
  ({ where, reason }: { where: string; reason: string }) => ({
    title: "Redis does not answer: what is cached is not shared until it does",
    facts: [`${where}: ${reason}`, "it is tried again every few seconds"],
    fixes: [
      "see that it runs and can be reached: redis-cli -u URL ping",
      "cache.store in deploy.config.ts",
    ],
  }),
);

export const sharedCacheFull = defineError(
  "E2301",
  exitCodes.environment,
  ({ where, reason }: { where: string; reason: string }) => ({
    title: "Redis stores nothing new: what it has is still used",
    facts: [`${where}: ${reason}`],
    fixes: [
      "give it more maxmemory, or a policy that evicts (volatile-lru)",
      "use the master, not a replica",
    ],
  }),
);

export const embeddedCacheUnusable = defineError(
  "E2403",
  exitCodes.environment,
  ({ folder, reason }: { folder: string; reason: string }) => ({
    title: "The embedded cache cannot be used: only memory caches until it can",
    facts: [`${folder}: ${reason}`],
    fixes: ["make the folder writable for this user, and see that its disk is not full"],
  }),
);

export const embeddedCacheDamaged = defineError(
  "E2404",
  exitCodes.environment,
  ({ path, reason }: { path: string; reason: string }) => ({
    title: "The embedded cache was damaged, and begins anew",
    facts: [reason, `the old file is ${path}.damaged`],
    fixes: ["see that the disk is sound; nothing else is to be done"],
  }),
);

export const embeddedCacheEnded = defineError(
  "E2405",
  exitCodes.internal,
  ({ reason }: { reason: string }) => ({
    title: "The thread of the embedded cache ended: only memory caches until the next one is there",
    facts: [reason, "another is started at once"],
    fixes: ["please report it; nothing else is to be done"],
  }),
);
