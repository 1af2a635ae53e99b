/** One thing that is wrong in a config: where, and what to write instead. */
import type { ConfigPlace, StackError } from "@stack/base";
import { configInvalid } from "../errors.ts";
import { formatPath, isSecret } from "./config-path.ts";
import { formatFrame } from "./frame.ts";
import { type Places, placeOf } from "./place-of.ts";

export interface Problem {
  readonly path: readonly PropertyKey[];
  /** `unknown key. Did you mean "workers"?` */
  readonly message: string;
}

/** More than this is one mistake repeated; the rest is counted. */
const shownProblems = 30;

/** All problems as one E1002, in the order of the source, with the source around the first. */
export function problemsError(
  problems: readonly Problem[],
  file: string,
  source: string,
  places: Places,
): StackError<"E1002"> {
  const placed = problems
    .map(({ path, message }) => ({ path, message, place: placeOf(places, path, file) }))
    .sort((a, b) => order(a.place) - order(b.place));
  const first = placed[0];
  const lines = table(
    placed
      .slice(0, shownProblems)
      .map(({ path, message, place }) => [where(place), formatPath(path), message]),
  );
  const hidden = placed.length - shownProblems;
  const place = first?.place ?? { file };
  const frame =
    place.line === undefined || isSecret(first?.path ?? [])
      ? []
      : formatFrame(source, place.line, place.column ?? 1, widthOf(place));
  return configInvalid({
    file,
    count: placed.length,
    place,
    lines: [
      ...lines,
      ...(hidden > 0 ? [`… and ${hidden} more`] : []),
      ...(frame.length > 0 ? ["", ...frame] : []),
    ],
    fix: place.line === undefined ? `edit ${file}` : `edit line ${place.line} of ${file}`,
  });
}

function where(place: ConfigPlace): string {
  return place.line === undefined ? place.file : `${place.file}:${place.line}:${place.column ?? 1}`;
}

function order(place: ConfigPlace): number {
  return (place.line ?? 0) * 10_000 + (place.column ?? 0);
}

/** The caret line is as long as the key it points at, or as the value of an array's element. */
function widthOf(place: ConfigPlace): number {
  const key = /\.?([\w$-]+)$/.exec(place.configPath ?? "");
  return key?.[1]?.length ?? place.value?.length ?? 1;
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
