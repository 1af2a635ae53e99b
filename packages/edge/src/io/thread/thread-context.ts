/** What all connections of one edge thread share. */
import type { Logger } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type { RequestHead } from "@stack/protocols";
import type { BufferBudget } from "../../core/buffer-budget.ts";
import type { ErrorPages } from "../../core/error-pages.ts";
import type { CacheMetrics } from "../../core/measuring/cache-metrics.ts";
import type { ThreadMetrics } from "../../core/measuring/metrics.ts";
import type { RouteMetrics } from "../../core/measuring/route-metrics.ts";
import type { TrustCheck } from "../../core/routing/client-address.ts";
import type { RouteTable } from "../../core/routing/route-table.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend } from "../exchange.ts";
import type { SpillDesk } from "../spill/spill-desk.ts";
import type { Instrument } from "../tracing/instrument.ts";
import type { Quickener } from "./quicken.ts";
import type { TurnEnd } from "./turn-end.ts";

/** A plan with all that was built for it; replaced as a whole, between two requests. */
export interface ActivePlan {
  readonly plan: EdgePlan;
  readonly table: RouteTable;
  /** By the route's position in the config. */
  readonly backends: readonly Backend[];
  /** Where each route is counted, by its position in the config. */
  readonly routeSlots: readonly number[];
  /** Undefined when no proxy is trusted. */
  readonly trust: TrustCheck | undefined;
  /** Done to each request as it begins; undefined when nothing has to be. */
  readonly instrument: Instrument | undefined;
  /** Writes the line of a request that has ended; undefined without an access log. */
  readonly logAccess: ((exchange: ClientExchange, durationMs: number) => void) | undefined;
}

export interface ThreadContext {
  readonly index: number;
  readonly log: Logger;
  readonly metrics: ThreadMetrics;
  readonly routeMetrics: RouteMetrics;
  readonly cacheMetrics: CacheMetrics;
  readonly budget: BufferBudget;
  /** Where `limits.spillBytes` allows it: what is too much for memory. */
  readonly spill: SpillDesk;
  readonly errorPages: ErrorPages;
  /** Unix time of `performance.now()` 0, in milliseconds; reading it anew costs. */
  readonly timeOrigin: number;
  /** Swapped by a reload. */
  active: ActivePlan;
  /** No new requests are wanted: answers say `Connection: close`. */
  draining: boolean;
  /** "Date: …\r\n" for answers; renewed by the tick. */
  dateLine: string;
  /** Heads not in use. */
  readonly heads: RequestHead[];
  readonly turnEnd: TurnEnd;
  readonly quicken: Quickener;
}
