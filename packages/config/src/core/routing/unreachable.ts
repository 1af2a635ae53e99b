/**
 * Routes that no request can ever reach, as they are written: for `check` and every load of a
 * config. The order of routes is that of docs/guides/routing.md, so a general route hides nothing;
 * what is left are equal routes, and paths no request can have.
 */
import { formatPath } from "../config-path.ts";
import type { Problem } from "../problem.ts";
import { linearSource } from "./path-pattern.ts";

/** As a person wrote it: anything. */
interface WrittenRoute {
  readonly host?: unknown;
  readonly path?: unknown;
  readonly method?: unknown;
  readonly header?: unknown;
  readonly query?: unknown;
  readonly cookie?: unknown;
  readonly client?: unknown;
}

interface Seen {
  readonly index: number;
  /** Undefined: any method. */
  readonly methods: readonly string[] | undefined;
}

export function findUnreachable(routes: readonly unknown[]): readonly Problem[] {
  const places = new Map<string, Seen[]>();
  const problems = routes.flatMap((written, index): readonly Problem[] => {
    const route = (written ?? {}) as WrittenRoute;
    const at = ["edge", "routes", index];
    const path = pathOf(route.path);
    if (path === undefined) return [];
    const problem = impossiblePath(path);
    if (problem !== undefined) return [{ path: [...at, "path"], message: problem }];
    const host = typeof route.host === "string" ? route.host.toLowerCase() : "";
    const id = JSON.stringify([host, path, conditionsOf(route)]);
    const seen = places.get(id) ?? [];
    places.set(id, seen);
    const methods = methodsOf(route.method);
    const hiding = seen.find((other) => sameMethods(other.methods, methods));
    seen.push({ index, methods });
    if (hiding !== undefined) {
      const other = formatPath(["edge", "routes", hiding.index]);
      const message = `${host}${path} is already answered by ${other}; remove one`;
      return [{ path: [...at, "path"], message }];
    }
    return [];
  });
  return [...problems, ...[...places.values()].flatMap(hiddenByMethods)];
}

/** A list of methods each of which has a shorter list of its own. */
function hiddenByMethods(seen: readonly Seen[]): readonly Problem[] {
  return seen.flatMap(({ index, methods }) => {
    if (methods === undefined) return [];
    const shorter = seen.filter(
      (other) => other.methods !== undefined && other.methods.length < methods.length,
    );
    const covered = new Set(shorter.flatMap((other) => other.methods ?? []));
    if (!methods.every((method) => covered.has(method))) return [];
    const others = shorter.map((other) => formatPath(["edge", "routes", other.index])).join(", ");
    const message = `never matches: ${others} answer all of these methods; remove it`;
    return [{ path: ["edge", "routes", index, "method"], message }];
  });
}

/** Requests are normalised before they are matched: some paths are never seen. */
function impossiblePath(path: string): string | undefined {
  if (!path.startsWith("/") || path.startsWith("/^")) return undefined;
  const plain = path.replace(/\*$/, "");
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(plain)) {
    return `${path} never matches: "." and ".." are resolved before a request is matched`;
  }
  const encoded = /%(?:2[DEde]|3\d|[46][1-9A-Fa-f]|[57][\dAa]|5[Ff]|7[Ee])/.exec(plain);
  if (encoded !== null) {
    const char = decodeURIComponent(encoded[0]);
    return `${path} never matches: ${encoded[0]} is matched as "${char}"; write that`;
  }
  const lower = /%(?:[a-f][\dA-Fa-f]|[\dA-F][a-f])/.exec(plain);
  if (lower !== null) {
    return `${path} never matches: write ${lower[0].toUpperCase()} in place of ${lower[0]}`;
  }
  if (/[^\x21-\x7e]/.test(plain)) {
    return `${path} never matches: write it as in a URL, "${encodeURI(plain)}"`;
  }
  return undefined;
}

function pathOf(path: unknown): string | undefined {
  if (typeof path === "string") return path;
  if (!(path instanceof RegExp)) return undefined;
  const source = linearSource(path.source, path.flags);
  // "^/x$" says no more than "/x".
  const literal = /^\^((?:\\\/|[A-Za-z0-9/_-])*)\$$/.exec(source)?.[1];
  return literal === undefined ? `/${source}/` : literal.replaceAll("\\/", "/");
}

/** All but the methods. */
function conditionsOf(route: WrittenRoute): unknown {
  const lists = (["header", "query", "cookie"] as const).map((key) => {
    const value = route[key];
    if (typeof value !== "object" || value === null) return null;
    return Object.entries(value)
      .map(([name, wanted]) => [key === "header" ? name.toLowerCase() : name, wanted])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  });
  const client = route.client;
  return [...lists, Array.isArray(client) ? client.toSorted() : null];
}

function methodsOf(method: unknown): readonly string[] | undefined {
  if (typeof method === "string") return [method];
  return Array.isArray(method) ? method.filter((one) => typeof one === "string") : undefined;
}

function sameMethods(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.toSorted().join() === b.toSorted().join();
}
