/** What a view is drawn for. */
import { type Line, span } from "../core/line.ts";
import type { Capabilities } from "../core/theme.ts";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly capabilities: Capabilities;
  /** Minutes to add to UTC for the clock of the reader. */
  readonly offsetMinutes: number;
}

/** A line across the screen. */
export function rule(screen: Screen): Line {
  return {
    spans: [span((screen.capabilities.unicode ? "─" : "-").repeat(screen.columns), "muted")],
  };
}

/** The last row stays free: a terminal that scrolls at its corner cannot jump. */
export function usableRows(screen: Pick<Screen, "rows">): number {
  return Math.max(1, screen.rows - 1);
}

/** Whether there is room for tabs, column titles and several events. */
export function isSmall(screen: Pick<Screen, "columns" | "rows">): boolean {
  return screen.columns < 60 || screen.rows < 16;
}
