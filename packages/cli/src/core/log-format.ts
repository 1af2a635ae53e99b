/** Log lines for people: time, a coloured name of fixed width, the text made safe to print. */
import { sanitizeLine } from "@stack/dashboard";
import type { LogLine } from "@stack/process";

export interface LogStyle {
  readonly color: boolean;
  /** Whether each line begins with its time (it does in `stack logs`, not in `stack up`). */
  readonly time: boolean;
  /** Minutes to add to UTC for the clock of the reader. */
  readonly offsetMinutes: number;
}

/** Distinct, of equal weight, and readable with any colour vision (Okabe-Ito, no red). */
const nameColors = [74, 214, 36, 175, 228, 68, 109, 179];

/** Formats lines one after the other; the width of the name column grows with the names seen. */
export function createLogFormatter(style: LogStyle): (line: LogLine) => string {
  let nameWidth = 6;
  return (line) => {
    nameWidth = Math.min(24, Math.max(nameWidth, line.source.length));
    const name = line.source.padEnd(nameWidth);
    const shown = style.color ? `\u001b[38;5;${colorOf(line.source)}m${name}\u001b[39m` : name;
    const time = style.time ? `${clock(line.at, style.offsetMinutes)} ` : "";
    return `${time}${shown} | ${sanitizeLine(line.text)}`.trimEnd();
  };
}

function colorOf(name: string): number {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 65_521;
  return nameColors[hash % nameColors.length] ?? 74;
}

/** "12:03:55.101" of an ISO time in UTC. */
function clock(at: string, offsetMinutes: number): string {
  const hour = Number(at.slice(11, 13));
  const minute = Number(at.slice(14, 16));
  const total = (((hour * 60 + minute + offsetMinutes) % 1440) + 1440) % 1440;
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(total / 60))}:${two(total % 60)}${at.slice(16, 23)}`;
}
