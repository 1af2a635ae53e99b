/**
 * How a worker says which lines are its own: all workers of an arbiter write to one pipe of the
 * keeper, each line begins with SOH, the worker's id, SOH. The Python twin is in
 * `appserver/python/stack_worker/output.py`.
 */

const soh = "\u0001";

/** What a worker writes before each of its lines. */
export function formatMark(id: string): string {
  return `${soh}${id}${soh}`;
}

/** The worker's id and the line without its mark; `id` is undefined on an unmarked line. */
export function parseMark(line: string): {
  readonly id: string | undefined;
  readonly text: string;
} {
  if (!line.startsWith(soh)) return { id: undefined, text: line };
  const end = line.indexOf(soh, 1);
  if (end < 0 || end > 64) return { id: undefined, text: line };
  return { id: line.slice(1, end), text: line.slice(end + 1) };
}
