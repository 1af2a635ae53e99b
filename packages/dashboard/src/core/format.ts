/** Numbers as the table shows them: short, and never wider than their column. */

/** "842", "1.9k", "12k", "1.2M"; "-" when unknown. */
export function formatCount(value: number | null): string {
  if (value === null) return "-";
  if (value < 1000) return String(Math.round(value));
  if (value < 999_500) return scaled(value / 1000, "k");
  return scaled(value / 1_000_000, "M");
}

/** Below ten with one decimal, so that a quiet service is not "0". */
export function formatRate(value: number | null): string {
  if (value === null) return "-";
  if (value === 0 || value >= 10) return formatCount(value);
  return value < 0.05 ? "0" : value.toFixed(1);
}

/** Milliseconds: "12", "0.4", "1.2s". */
export function formatMs(value: number | null): string {
  if (value === null) return "-";
  if (value >= 1000)
    return `${value < 9_950 ? (value / 1000).toFixed(1) : Math.round(value / 1000)}s`;
  return value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value));
}

/** "4m12s" of a duration; the largest unit alone when it must be short. */
export function shortDuration(text: string, width: number): string {
  if (text.length <= width) return text;
  return /^\d+[a-z]/.exec(text)?.[0] ?? text;
}

/** "12:03:58" of an ISO time. */
export function formatClock(at: string, offsetMinutes: number): string {
  const minutes = Number(at.slice(11, 13)) * 60 + Number(at.slice(14, 16)) + offsetMinutes;
  const day = ((minutes % 1440) + 1440) % 1440;
  return `${two(Math.floor(day / 60))}:${two(day % 60)}:${at.slice(17, 19)}`;
}

/** Eight levels of blocks, the newest sample to the right; nothing without samples. */
export function sparkline(
  samples: readonly number[],
  width: number,
  unicode: boolean,
  /** What a full block stands for; the highest sample unless said otherwise. */
  full?: number,
): string {
  const levels = unicode ? "▁▂▃▄▅▆▇█" : "_.:-=+*#";
  const shown = samples.slice(-width);
  const highest = full ?? Math.max(...shown, 1);
  return shown
    .map((value) => levels[Math.min(7, Math.floor((value / highest) * 7.999))] ?? " ")
    .join("");
}

function scaled(value: number, unit: string): string {
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
