/** Requests per second and totals, from counters that begin anew with every edge. */
import { canaryName, type EdgeAppMetrics, type EdgeMetrics } from "@stack/control";

/** The metrics of one edge generation: the last two reports of it. */
export interface MetricsWindow {
  readonly before: EdgeMetrics | null;
  readonly beforeMs: number;
  readonly last: EdgeMetrics;
  readonly lastMs: number;
}

export function advance(
  window: MetricsWindow | null,
  metrics: EdgeMetrics,
  nowMs: number,
): MetricsWindow {
  return {
    before: window?.last ?? null,
    beforeMs: window?.lastMs ?? nowMs,
    last: metrics,
    lastMs: nowMs,
  };
}

/** One decimal. */
export function rateOf(
  windows: readonly MetricsWindow[],
  pick: (metrics: EdgeMetrics) => number,
): number {
  let rate = 0;
  for (const { before, beforeMs, last, lastMs } of windows) {
    const seconds = (lastMs - beforeMs) / 1000;
    if (before === null || seconds <= 0) continue;
    rate += Math.max(0, pick(last) - pick(before)) / seconds;
  }
  return Math.round(rate * 10) / 10;
}

export function sumOf(
  windows: readonly MetricsWindow[],
  pick: (metrics: EdgeMetrics) => number,
): number {
  return windows.reduce((sum, window) => sum + pick(window.last), 0);
}

/** Of an app, and of its new code on trial. */
export function sumOfApp(
  metrics: EdgeMetrics,
  app: string,
  pick: (metrics: EdgeAppMetrics) => number,
): number {
  const both = [metrics.apps[app], metrics.apps[canaryName(app)]];
  return both.reduce((sum, one) => sum + (one === undefined ? 0 : pick(one)), 0);
}

export function appOf(metrics: EdgeMetrics, app: string): EdgeAppMetrics | undefined {
  return metrics.apps[app];
}
