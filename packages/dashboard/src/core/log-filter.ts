/** The filter of the log view: "text", or "!text" for lines without it; upper and lower case alike. */
import type { DashboardLogLine } from "./state.ts";

/** Matches on the name of the source as well as on the text. */
export function matchesFilter(
  entry: Pick<DashboardLogLine, "source" | "text">,
  filter: string,
): boolean {
  const inverse = filter.startsWith("!");
  const word = (inverse ? filter.slice(1) : filter).toLowerCase();
  if (word === "") return true;
  const found =
    entry.text.toLowerCase().includes(word) || entry.source.toLowerCase().includes(word);
  return found !== inverse;
}
