/**
 * Which file answers a request: the candidates of the route's rules in turn, then its fallback, and
 * the variants beside it that were compressed before. Every name goes through `findBelow`, so that
 * nothing outside the root is found by any of these ways.
 */
import type { StaticName } from "../../core/static/static-path.ts";
import type { StaticRules } from "../../core/static/static-rules.ts";
import { type FoundFile, findBelow } from "./static-lookup.ts";

export type SearchResult =
  | {
      readonly kind: "file";
      readonly file: FoundFile;
      /** Below the root, as it was looked for: its extension says the type. */
      readonly name: string;
      /** It answers whatever was asked for. */
      readonly isFixed: boolean;
    }
  /** The path needs a slash at its end. */
  | { readonly kind: "folder" }
  /** A folder without an index, to be listed. */
  | { readonly kind: "listing"; readonly relative: string }
  | { readonly kind: "missing" }
  | { readonly kind: "forbidden" };

export interface FoundVariant {
  readonly encoding: string;
  readonly file: FoundFile;
}

const suffixes: readonly (readonly [encoding: string, suffix: string])[] = [
  ["br", ".br"],
  ["zstd", ".zst"],
  ["gzip", ".gz"],
];

/** Throws what is a fault of the machine and not of the name. */
export async function searchFile(
  root: string,
  rules: StaticRules,
  name: StaticName,
): Promise<SearchResult> {
  const candidates = rules.candidates(name);
  const isPlain = candidates.length === 1;
  for (const { relative, isFolder, isFixed } of candidates) {
    if (!isFolder) {
      const found = await findBelow(root, relative);
      if (found.kind === "file") return { kind: "file", file: found, name: relative, isFixed };
      if (found.kind === "forbidden") return found;
      if (found.kind === "folder" && isPlain && !name.isFolder) return found;
      continue;
    }
    const inside = await searchFolder(root, rules, relative, name.isFolder, isFixed);
    if (inside.kind !== "missing") return inside;
  }
  if (rules.fallback === undefined) return { kind: "missing" };
  const found = await findBelow(root, rules.fallback);
  if (found.kind === "file") {
    return { kind: "file", file: found, name: rules.fallback, isFixed: true };
  }
  return found.kind === "forbidden" ? found : { kind: "missing" };
}

/** Those that are at least as new as the file they stand for. */
export async function searchVariants(
  root: string,
  name: string,
  file: FoundFile,
): Promise<readonly FoundVariant[]> {
  const found = await Promise.all(suffixes.map(([, suffix]) => findBelow(root, name + suffix)));
  return found.flatMap((variant, index) => {
    const encoding = suffixes[index]?.[0] ?? "";
    if (variant.kind !== "file" || variant.mtimeNs < file.mtimeNs) return [];
    return [{ encoding, file: variant }];
  });
}

/** @param hasSlash the request ended in a slash already */
async function searchFolder(
  root: string,
  rules: StaticRules,
  relative: string,
  hasSlash: boolean,
  isFixed: boolean,
): Promise<SearchResult> {
  if (!hasSlash && !isFixed) {
    const folder = await findBelow(root, relative);
    return folder.kind === "folder" ? folder : { kind: "missing" };
  }
  for (const index of rules.index) {
    const name = relative === "" ? index : `${relative}/${index}`;
    const found = await findBelow(root, name);
    if (found.kind === "file") return { kind: "file", file: found, name, isFixed };
    if (found.kind === "forbidden") return found;
  }
  if (!rules.listing) return { kind: "missing" };
  const folder = await findBelow(root, relative);
  return folder.kind === "folder" ? { kind: "listing", relative } : { kind: "missing" };
}
