/**
 * Which file an app means that answers with X-Accel-Redirect or X-Sendfile, and what of its answer
 * is kept. Pure. The app is trusted to choose among the files of internal routes, and among no
 * others: it may have taken the name from a client.
 */
import { normalisePath } from "@stack/protocols";
import { decideStaticName, type StaticName } from "../static/static-path.ts";

export interface InternalRoute {
  /** Lower case; null for every host. */
  readonly host: string | null;
  /** As in the plan: "/files" for "/files/*", "/" for "/*". */
  readonly path: string;
  readonly isPrefix: boolean;
  /** Absolute folders that are the same: as written, and where links lead. */
  readonly roots: readonly string[];
  readonly index: number;
}

export interface InternalTarget {
  /** Of the route. */
  readonly index: number;
  readonly name: StaticName;
}

/** The longest path of those that fit, the host's own first. */
export function findByPath(
  routes: readonly InternalRoute[],
  host: string,
  written: string,
): InternalTarget | undefined {
  const end = written.search(/[?#]/);
  const plain = end < 0 ? written : written.slice(0, end);
  const path = plain.startsWith("/") ? normalisePath(plain) : "";
  if (path === "") return undefined;
  let best: InternalRoute | undefined;
  for (const route of routes) {
    if (route.host !== null && !isHost(route.host, host)) continue;
    if (!covers(route, path)) continue;
    if (best === undefined || isCloser(route, best)) best = route;
  }
  if (best === undefined) return undefined;
  const name = decideStaticName(path, best.isPrefix ? lengthOf(best) : 0);
  return name === undefined ? undefined : { index: best.index, name };
}

/** @param written absolute path of a file, not percent-encoded, in latin-1 as it came */
export function findByFile(
  routes: readonly InternalRoute[],
  written: string,
): InternalTarget | undefined {
  const file = Buffer.from(written, "latin1").toString("utf8");
  let best: { readonly root: string; readonly index: number } | undefined;
  for (const { roots, index } of routes) {
    for (const root of roots) {
      if (!file.startsWith(root === "/" ? "/" : `${root}/`)) continue;
      if (best === undefined || root.length > best.root.length) best = { root, index };
    }
  }
  if (best === undefined) return undefined;
  const relative = file.slice(best.root === "/" ? 1 : best.root.length + 1);
  const isPlain = relative
    .split("/")
    .every((segment) => segment !== "" && !segment.startsWith(".") && !segment.includes("\0"));
  return isPlain ? { index: best.index, name: { relative, isFolder: false } } : undefined;
}

/** What an app says of a file that it has the edge send, as nginx keeps it. */
export interface KeptFields {
  /** The Content-Type line; "" for none: the file's own then. */
  readonly type: string;
  readonly lines: string;
  /** It says itself how long a copy is good. */
  readonly hasLifetime: boolean;
}

const kept =
  /^(?:content-disposition|content-language|set-cookie|cache-control|expires):[^\r\n]*\r\n/gim;

export function keptFields(fields: string): KeptFields {
  const lines = (fields.match(kept) ?? []).join("");
  const type = /^content-type:[ \t]*[^ \t\r\n][^\r\n]*\r\n/im.exec(fields)?.[0] ?? "";
  return { type, lines, hasLifetime: /^(?:cache-control|expires):/im.test(lines) };
}

/** @param pattern "a.test", or "*.a.test" for all names below it */
function isHost(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : pattern === host;
}

function covers(route: InternalRoute, path: string): boolean {
  if (!route.isPrefix) return path === route.path;
  return path === route.path || path.startsWith(`${route.path.slice(0, lengthOf(route))}/`);
}

function lengthOf(route: InternalRoute): number {
  return route.path.endsWith("/") ? route.path.length - 1 : route.path.length;
}

function isCloser(route: InternalRoute, other: InternalRoute): boolean {
  if ((route.host === null) !== (other.host === null)) return route.host !== null;
  return route.path.length > other.path.length;
}
