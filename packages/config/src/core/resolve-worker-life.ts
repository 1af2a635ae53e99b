/** `workers`, `maxRequests`, `maxAge` and `memory` of an app as the arbiter reads them. */
import type { ElasticPlan, RecyclePlan } from "../plans.ts";
import type { ParsedConfig } from "../schema/config.ts";

type ParsedApp = ParsedConfig["apps"][string];

/** Nothing where there is no limit: then nobody looks. */
export function resolveRecycling(app: ParsedApp): { readonly recycle?: RecyclePlan } {
  const recycle: RecyclePlan = {
    ...(app.maxRequests === undefined ? {} : { requests: app.maxRequests }),
    ...(app.maxAge === undefined ? {} : { ageMs: app.maxAge }),
    ...(app.memory?.soft === undefined ? {} : { softBytes: app.memory.soft }),
    ...(app.memory?.hard === undefined ? {} : { hardBytes: app.memory.hard }),
  };
  return Object.keys(recycle).length === 0 ? {} : { recycle };
}

type WrittenWorkers = Exclude<ParsedApp, { readonly kind: "command" }>["workers"];

export function resolveWorkers(
  written: WrittenWorkers,
  cpuCount: number,
): { readonly workers: number; readonly elastic?: ElasticPlan } {
  if (written === "auto") return { workers: cpuCount };
  if (typeof written === "number") return { workers: written };
  const { min, max, wait: waitMs, calm: calmMs } = written;
  return { workers: min, elastic: { max, waitMs, calmMs } };
}
