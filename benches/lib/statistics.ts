/** Medians over rounds. */

export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** Between two values the nearer share of both. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = quantile * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
