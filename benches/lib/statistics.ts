/** Medians over rounds. */
import type { Round } from "./measure.ts";

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Each figure's own median; requests and errors are summed. */
export function summarize(rounds: readonly Round[]): Round {
  const of = (key: keyof Round): number => medianOf(rounds.map((round) => round[key]));
  const sum = (key: keyof Round): number => rounds.reduce((total, round) => total + round[key], 0);
  return {
    requests: sum("requests"),
    errors: sum("errors"),
    requestsPerSecond: of("requestsPerSecond"),
    cpuMicros: of("cpuMicros"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    bytesPerSecond: of("bytesPerSecond"),
    pssBytes: of("pssBytes"),
  };
}
