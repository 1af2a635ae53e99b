/** Sizes and durations as people write them: "10mb", "30s". */

const byteUnits: Readonly<Record<string, number>> = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };
const timeUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 31_536_000_000,
};

/** "32kb" to 32768; a number is bytes; undefined when it is neither. */
export function parseBytes(input: string | number): number | undefined {
  return parseUnit(input, byteUnits);
}

/** "30s" to 30000; a number is milliseconds; undefined when it is neither. */
export function parseDuration(input: string | number): number | undefined {
  return parseUnit(input, timeUnits);
}

/** 350 MB as "350M", the way a process table shows it. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ["K", "M", "G", "T"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

/** 3 days and 4 hours as "3d4h", 12 seconds as "12s": the two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return hours > 0 ? `${days}d${hours}h` : `${days}d`;
  if (hours > 0) return minutes > 0 ? `${hours}h${minutes}m` : `${hours}h`;
  if (minutes > 0) return seconds % 60 > 0 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  return `${seconds}s`;
}

function parseUnit(
  input: string | number,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof input === "number") return Number.isFinite(input) && input >= 0 ? input : undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(input.trim().toLowerCase());
  if (match === null) return undefined;
  const factor = units[match[2] ?? ""];
  return factor === undefined ? undefined : Math.round(Number(match[1]) * factor);
}
