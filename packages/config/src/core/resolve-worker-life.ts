/** `maxRequests`, `maxAge` and `memory` of an app as the arbiter reads them. */
import type { RecyclePlan } from "../plans.ts";
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
