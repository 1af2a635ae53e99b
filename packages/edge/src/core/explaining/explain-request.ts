/**
 * `stack explain`: what the edge would do with a request, and why. The decisions are made by the
 * functions that make them for real requests; nothing is sent, opened or looked up.
 */
import type { EdgePlan, EdgeSettings, RoutePlan } from "@stack/config";
import {
  createRequestHead,
  forwardedTarget,
  headerValue,
  parseRequestHead,
  type RequestHead,
} from "@stack/protocols";
import { decideForwardedClient, type TrustCheck } from "../routing/client-address.ts";
import { buildRouteTable, decideRoute } from "../routing/route-table.ts";
import { createEditRequest } from "../shaping/edit-request.ts";
import { createRewrite } from "../shaping/rewrite.ts";
import { type ExplainedAction, explainAction, placeOf } from "./explain-action.ts";
import { type ExplainedCache, explainCache } from "./explain-cache.ts";
import { type ExplainedChanges, explainChanges } from "./explain-changes.ts";
import { type ExplainedListener, explainListener, parseTarget } from "./explain-listener.ts";
import { explainOthers, type OtherRoute } from "./explain-others.ts";
import { writtenConditions, writtenPath } from "./written-route.ts";

export interface ExplainQuestion {
  readonly edge: EdgeSettings;
  readonly method: string;
  /** "/path?query" or "http://host:port/path?query" */
  readonly url: string;
  /** "Name: value" */
  readonly headers: readonly string[];
  /** The address the connection comes from. */
  readonly peer: string;
}

export interface Explanation {
  readonly listener: ExplainedListener;
  readonly request: {
    readonly method: string;
    readonly host: string;
    /** Normalised: what is matched. */
    readonly path: string;
    readonly query: string | null;
    readonly client: string;
  };
  /** The request is not even routed. */
  readonly refused: { readonly status: number; readonly reason: string } | null;
  readonly route: {
    readonly source: string;
    readonly host: string | null;
    /** As written. */
    readonly path: string;
    readonly conditions: readonly string[];
    /** What a RegExp path caught, by number and name. */
    readonly captures: Readonly<Record<string, string>>;
  } | null;
  readonly action: ExplainedAction;
  /** What the app or upstream would be asked for; null where nobody is asked. */
  readonly forwarded: {
    readonly target: string;
    readonly strippedPrefix: string | null;
    readonly rewrittenBy: string | null;
  } | null;
  /** Null for a route that keeps nothing. */
  readonly cache: ExplainedCache | null;
  readonly changes: ExplainedChanges;
  readonly limits: Readonly<Record<string, number>>;
  /** Why the others are not it; the nearest first, at most 50. */
  readonly others: readonly OtherRoute[];
}

/** Builds a question "is this address one of these" out of addresses and networks. */
export type Networks = (networks: readonly string[]) => TrustCheck;

/** V8 must have been told to allow flag "l", where a route has a RegExp path. */
export function explainRequest(question: ExplainQuestion, networks: Networks): Explanation {
  const { plan } = question.edge;
  const target = parseTarget(question.url);
  const listener = explainListener(question.edge, target);
  const head = createRequestHead();
  const status = parseHead(question, target.authority, target.path, plan, head);
  const client = clientOf(question, head, networks);
  const base = {
    listener,
    request: {
      method: question.method,
      host: head.host,
      path: head.path,
      query: head.hasQuery ? head.query : null,
      client,
    },
    limits: limitsOf(plan, undefined),
  };
  const nothing = {
    forwarded: null,
    cache: null,
    changes: explainChanges(undefined),
    others: [],
    route: null,
  };
  if (status !== 0) {
    const refused = { status, reason: head.problem };
    const action = { kind: "refused" as const, text: `answered ${status}: ${head.problem}` };
    return { ...base, ...nothing, refused, action };
  }
  const table = buildRouteTable(plan.routes, networks);
  const decision = decideRoute(table, head.host, head.path, head, client);
  const route = decision === undefined ? undefined : plan.routes[decision.index];
  const others = explainOthers(plan.routes, route, head, client, networks);
  if (route === undefined) {
    const action = { kind: "none" as const, text: "answered 404: no route answers this address" };
    return { ...base, ...nothing, refused: null, action, others };
  }
  return {
    ...base,
    refused: null,
    route: {
      source: route.source,
      host: route.host,
      path: writtenPath(route),
      conditions: writtenConditions(route),
      captures: capturesOf(route, head.path),
    },
    action: explainAction(route, head),
    cache: explainCache(route, head, target.scheme ?? "http"),
    changes: explainChanges(route),
    limits: limitsOf(plan, route),
    others,
    // Last: it changes the head as the edge would.
    forwarded: explainForwarded(route, head, decision?.stripLength ?? 0),
  };
}

function parseHead(
  question: ExplainQuestion,
  authority: string,
  path: string,
  plan: EdgePlan,
  head: RequestHead,
): number {
  const hasHost = question.headers.some((line) => /^host\s*:/i.test(line));
  const lines = [...(hasHost ? [] : [`Host: ${authority}`]), ...question.headers];
  const text = `${question.method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
  // As bytes of UTF-8, one character each: what a client would send.
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  if (bytes.length > plan.limits.headerBytes) {
    head.problem = "the headers are too large";
    return 431;
  }
  return parseRequestHead(bytes, 0, bytes.length, plan.limits, head);
}

function clientOf(question: ExplainQuestion, head: RequestHead, networks: Networks): string {
  const { trustedProxies } = question.edge.plan;
  if (trustedProxies.length === 0) return question.peer;
  const trust = networks(trustedProxies);
  if (trust(question.peer) !== true) return question.peer;
  return decideForwardedClient(
    { address: question.peer, port: 0, scheme: "http" },
    { forwardedFor: headerValue(head, "x-forwarded-for"), forwardedProto: undefined },
    trust,
  ).address;
}

function explainForwarded(
  route: RoutePlan,
  head: RequestHead,
  stripLength: number,
): Explanation["forwarded"] {
  if (!["app", "upstream", "split"].includes(route.action.kind)) return null;
  if (route.requestHeaders !== undefined) createEditRequest(route.requestHeaders)(head);
  const prefix = head.path.slice(0, stripLength);
  if (route.rewrite !== undefined) createRewrite(route.rewrite, placeOf(route))(head);
  return {
    target: forwardedTarget(head, prefix),
    strippedPrefix: stripLength === 0 ? null : prefix,
    rewrittenBy: route.rewrite ?? null,
  };
}

function capturesOf(route: RoutePlan, path: string): Readonly<Record<string, string>> {
  const match = placeOf(route).pattern?.exec(path) ?? null;
  if (match === null) return {};
  const numbered = match.slice(1).map((value, index) => [String(index + 1), value] as const);
  const all = [...numbered, ...Object.entries(match.groups ?? {})];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

function limitsOf(plan: EdgePlan, route: RoutePlan | undefined): Readonly<Record<string, number>> {
  const app = route?.action.kind === "app" ? plan.apps[route.action.app] : undefined;
  return {
    headerBytes: plan.limits.headerBytes,
    bodyBytes: plan.limits.bodyBytes,
    bodyMs: plan.timeoutsMs.body,
    ...(route?.action.kind === "upstream" ? { firstByteMs: plan.timeoutsMs.firstByte } : {}),
    ...(app === undefined
      ? {}
      : { appMs: app.timeoutMs, queue: app.queueLimit, queueMs: app.queueTimeoutMs }),
  };
}
