/** What a route's `cache` asks of a request: its key, whether it goes past, and what the app may see. */
import {
  type CachePolicy,
  formatCacheKey,
  httpCachePolicy,
  type KeySpec,
  keyedQuery,
} from "@stack/cache";
import type { RouteCachePlan, RoutePlan } from "@stack/config";
import {
  editHeadLines,
  fieldId,
  headerValue,
  lineField,
  lineName,
  type RequestHead,
} from "@stack/protocols";

export interface CacheRules {
  readonly policy: CachePolicy;
  readonly keyOf: (head: RequestHead, scheme: "http" | "https") => string;
  /** The URL that the keys of a resource begin with, from its own, which is absolute. */
  readonly urlOf: (uri: string) => string;
  /** A cookie or header of the route's `bypass` is there. */
  readonly isBypassed: (head: RequestHead) => boolean;
  readonly answers: (method: string) => boolean;
  /** Mode "force": takes out of a request what is not in the key. Else undefined: all of it passes. */
  readonly trim: ((head: RequestHead) => void) | undefined;
}

/** Validators are worth keeping for a day past an answer's end. */
const keepStaleMs = 24 * 3_600_000;

/**
 * @param conditions of the route: the same address may belong to another route without them
 * @param side of those that share the route's requests: each has answers of its own; "" for the only one
 */
export function compileCacheRules(
  plan: RouteCachePlan,
  conditions: RoutePlan["conditions"],
  side = "",
): CacheRules {
  const condition = conditions === undefined ? "" : `\n${JSON.stringify(conditions)}`;
  const suffix = side === "" ? condition : `${condition}\n@${side}`;
  const spec: KeySpec = plan.key;
  const { bypass } = plan;
  const hasBypass = bypass.cookies.length > 0 || bypass.headers.length > 0;
  return {
    policy: policyOf(plan),
    keyOf: plan.key.host
      ? (head, scheme) => formatCacheKey(spec, scheme, head) + suffix
      : (head, scheme) => formatCacheKey(spec, scheme, { ...head, authority: "*" }) + suffix,
    urlOf: (uri) => urlOf(uri, plan.key.host, spec),
    isBypassed: hasBypass
      ? (head) =>
          bypass.headers.some((name) => headerValue(head, name) !== undefined) ||
          hasCookie(headerValue(head, "cookie"), bypass.cookies)
      : () => false,
    answers: (method) => (plan.methods as readonly string[]).includes(method),
    trim: plan.mode === "force" ? (head) => trim(head, spec) : undefined,
  };
}

function urlOf(uri: string, hasHost: boolean, spec: KeySpec): string {
  const parts = /^(\w+:\/\/)([^/?]*)([^?]*)(\?.*)?$/.exec(uri);
  if (parts === null) return uri;
  const [, scheme, authority, path, query = ""] = parts;
  const keyed = keyedQuery(spec, { hasQuery: query !== "", query: query.slice(1) });
  return `${scheme}${hasHost ? authority : "*"}${path}${keyed}`;
}

function policyOf(plan: RouteCachePlan): CachePolicy {
  return {
    ...httpCachePolicy,
    mode: plan.mode,
    ttlMs: plan.ttlMs,
    negativeTtlMs: plan.negativeTtlMs,
    maxBodyBytes: plan.maxBytes,
    storeSetCookie: plan.storeSetCookie,
    // Who may order a new answer could empty the cache of an app that cannot bear it.
    obeyClient: plan.mode === "http",
    staleWhileRevalidateMs: plan.staleWhileRevalidateMs,
    staleIfErrorMs: plan.staleIfErrorMs,
    staleWhileDownMs: plan.staleWhileDownMs,
    keepStaleMs,
  };
}

/** Tracing is about the request, not about its answer; Host is in the key, or the same for all. */
const always: ReadonlySet<string> = new Set(["host", "x-request-id", "traceparent", "tracestate"]);

function trim(head: RequestHead, spec: KeySpec): void {
  const removed = new Set<string>();
  for (let index = 0; index < head.lineCount; index += 1) {
    const name = lineName(head, index).toLowerCase();
    if (lineField(head, index) === fieldId.host || always.has(name)) continue;
    if (!spec.headers.includes(name)) removed.add(name);
  }
  const cookies = keptCookies(headerValue(head, "cookie"), spec.cookies);
  editHeadLines(head, removed, cookies === "" ? "" : `Cookie: ${cookies}\r\n`);
  const query = keyedQuery(spec, head);
  head.hasQuery = query !== "";
  head.query = query.slice(1);
  head.lineIsPlain = false;
}

function keptCookies(text: string | undefined, names: readonly string[]): string {
  if (text === undefined || names.length === 0) return "";
  return text
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => names.includes(nameOf(pair)))
    .join("; ");
}

function hasCookie(text: string | undefined, names: readonly string[]): boolean {
  if (text === undefined || names.length === 0) return false;
  return text.split(";").some((pair) => names.includes(nameOf(pair)));
}

function nameOf(pair: string): string {
  const end = pair.indexOf("=");
  return (end < 0 ? pair : pair.slice(0, end)).trim();
}
