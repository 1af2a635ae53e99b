/** `stack requests` for people: one line for each, the oldest first, never wider than asked. */
import { formatDuration } from "@stack/base";
import type { RunningRequest } from "@stack/control";

const titles = ["AGE", "STATE", "WHERE", "CLIENT", "REQUEST"] as const;

/** Without a newline at its end. */
export function formatRequests(requests: readonly RunningRequest[], columns: number): string {
  if (requests.length === 0) return "nothing is running";
  const rows = [titles, ...requests.map(cellsOf)];
  const widths = titles.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      );
      return cells.join("  ").trimEnd().slice(0, columns);
    })
    .join("\n");
}

function cellsOf(request: RunningRequest): readonly string[] {
  const { ageMs, state, app, servedBy, client, method, url } = request;
  const where = servedBy === "" ? app : servedBy;
  return [formatAge(ageMs), state, where === "" ? "edge" : where, client, `${method} ${url}`];
}

/** What is short is what one looks for least, but tenths tell whether it moves. */
function formatAge(ms: number): string {
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)}s` : formatDuration(ms);
}
