/** Adds up what old and new code of an app do, over edges that come and go and count from zero. */
import type { EdgeAppMetrics, EdgeMetrics } from "@stack/control";
import type { CanarySide } from "./decide-canary.ts";

export interface SideTally {
  /** @param metrics of every edge that lives, by its generation */
  readonly add: (metrics: ReadonlyMap<number, EdgeMetrics>) => void;
  readonly read: () => CanarySide;
}

/** Of one name in the edges' metrics. What was counted before the first `add` is not counted. */
export function createSideTally(app: string): SideTally {
  const last = new Map<number, EdgeAppMetrics | undefined>();
  const latencies: number[] = [];
  let requests = 0;
  let errors = 0;
  let isFirst = true;
  return {
    add(metrics) {
      for (const [generation, { apps }] of metrics) {
        const now = apps[app];
        const before = last.get(generation);
        const isBaseline = isFirst && !last.has(generation);
        last.set(generation, now);
        if (now === undefined || isBaseline) continue;
        const more = now.requests - (before?.requests ?? 0);
        requests += more;
        errors += (now.errors ?? 0) - (before?.errors ?? 0);
        if (more > 0 && now.latencyMs !== null) latencies.push(now.latencyMs.p95);
      }
      isFirst = false;
    },
    read: () => ({ requests, errors, p95Ms: medianOf(latencies) }),
  };
}

function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
