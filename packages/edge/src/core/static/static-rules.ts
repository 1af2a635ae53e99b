/**
 * How the files of one route are found and told, compiled from its settings once per plan. Pure:
 * names of files below the root, and header lines.
 */
import type { StaticSettings } from "@stack/config";
import { contentType } from "./static-answer.ts";
import type { StaticName } from "./static-path.ts";

export interface StaticRules {
  readonly index: readonly string[];
  readonly listing: boolean;
  readonly precompressed: boolean;
  /** Below the root; undefined for none. */
  readonly fallback: string | undefined;
  /** Header lines of every answer with a file. */
  readonly lines: string;
  /** The same for a file that answers for any path. */
  readonly fallbackLines: string;
  readonly typeOf: (fileName: string) => string;
  /** What is looked up for a name, in turn. */
  readonly candidates: (name: StaticName) => readonly StaticCandidate[];
}

interface StaticCandidate extends StaticName {
  /** The same whatever was asked for. */
  readonly isFixed: boolean;
}

export const plainSettings: StaticSettings = {
  index: ["index.html"],
  tryFiles: [],
  fallback: null,
  listing: false,
  precompressed: false,
  types: {},
  maxAgeMs: null,
  immutable: false,
  headers: {},
};

export function compileStaticRules(settings: StaticSettings): StaticRules {
  const { index, tryFiles, fallback, listing, precompressed, maxAgeMs, immutable } = settings;
  const types = new Map(Object.entries(settings.types));
  const extra = Object.entries(settings.headers);
  const lines = extra.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const cacheControl =
    maxAgeMs === null
      ? ""
      : `Cache-Control: max-age=${Math.floor(maxAgeMs / 1000)}${immutable ? ", immutable" : ""}\r\n`;
  // A page that answers for every path must not be kept as if it were the file that was asked for.
  const uncached = extra.filter(([name]) => !/^(?:cache-control|expires)$/i.test(name));
  return {
    index,
    listing,
    precompressed,
    fallback: fallback === null ? undefined : fallback.slice(1),
    lines: cacheControl + lines,
    fallbackLines: `Cache-Control: no-cache\r\n${uncached.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`,
    typeOf(fileName) {
      const name = fileName.slice(fileName.lastIndexOf("/") + 1);
      const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
      return types.get(extension.toLowerCase()) ?? contentType(name);
    },
    candidates:
      tryFiles.length === 0
        ? (name) => [{ ...name, isFixed: false }]
        : (name) => tryFiles.flatMap((template) => expand(template, name)),
  };
}

/** None where the template makes no name of it, as "{path}.html" of a folder. */
function expand(template: string, name: StaticName): readonly StaticCandidate[] {
  const path = `${name.relative}${name.isFolder && name.relative !== "" ? "/" : ""}`;
  const isFixed = !template.includes("{path}");
  const filled = template.replaceAll("{path}", () => path).replace(/\/{2,}/g, "/");
  const isFolder = filled === "" ? name.isFolder : filled.endsWith("/");
  const relative = filled.replace(/^\/|\/$/g, "");
  // Only the template itself may name what is hidden.
  const hidesNothing = relative
    .split("/")
    .every((segment) => !segment.startsWith(".") || template.split("/").includes(segment));
  return hidesNothing ? [{ relative, isFolder, isFixed }] : [];
}
