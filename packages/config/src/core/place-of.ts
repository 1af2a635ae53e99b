/** Looks up where a key was written. */
import type { ConfigPlace } from "@stack/base";
import { formatPath } from "./config-path.ts";

/** By config path ("edge.listen[0]"). */
export type Places = Readonly<Record<string, ConfigPlace>>;

/** The place of a key, or of the nearest key around it that has one. */
export function placeOf(places: Places, path: readonly PropertyKey[], file: string): ConfigPlace {
  for (let length = path.length; length > 0; length--) {
    const inner = formatPath(path.slice(0, length));
    const found = Object.hasOwn(places, inner) ? places[inner] : undefined;
    if (found === undefined) continue;
    if (length === path.length) return found;
    const { file, line, column } = found;
    return {
      file,
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
      configPath: formatPath(path),
    };
  }
  return path.length === 0 ? { file } : { file, configPath: formatPath(path) };
}
