/** From a plan as data to what serves it: route table, one backend per route, trust, access log. */
import { randomBytes } from "node:crypto";
import type { EdgePlan, RouteAction, RoutePlan, TargetPlan } from "@stack/config";
import { compileCacheRules } from "../../core/cache/cache-rules.ts";
import type { ErrorPages } from "../../core/error-pages.ts";
import { templatePattern } from "../../core/routing/path-matcher.ts";
import { buildRouteTable } from "../../core/routing/route-table.ts";
import type { TemplatePlace } from "../../core/routing/template.ts";
import type { CacheDesk } from "../cache/cache-desk.ts";
import { createCachedBackend } from "../cache/cached-backend.ts";
import {
  type Compression,
  compressAnswers,
  createCompression,
} from "../compression/compression.ts";
import type { Backend } from "../exchange.ts";
import { createRedirectBackend, createRespondBackend } from "../fixed-answers.ts";
import { createInternalFiles } from "../internal/send-internal.ts";
import type { AccessLogWriter } from "../log/access-log-writer.ts";
import { createAccessLogging, logsTimes } from "../log/access-logging.ts";
import { protectBackend, type SharedProtection } from "../protection/gates.ts";
import { createCanaryBackend } from "../shaping/canary.ts";
import { showFailure } from "../shaping/failure-page.ts";
import { shapeAnswers } from "../shaping/shape-answers.ts";
import { shapeRequests } from "../shaping/shape-requests.ts";
import { createSplitBackend, type TargetFinder } from "../shaping/split.ts";
import { createLargeFiles, createStaticBackend, type LargeFiles } from "../static/static-files.ts";
import { createInstrument } from "../tracing/instrument.ts";
import type { ActivePlan } from "./thread-context.ts";
import { createTrustCheck } from "./trusted-proxies.ts";

/** Memory for the contents of small files, over all static routes of a thread. */
const staticCacheBytes = 32 * 1024 * 1024;

export interface PlanParts {
  readonly pages: ErrorPages;
  readonly writer: AccessLogWriter | undefined;
  /** The scheduler of an app that the plan names. */
  readonly app: (name: string) => Backend | undefined;
  readonly upstream: (name: string) => Backend | undefined;
  /** Nobody of this app could answer now. */
  readonly isDown: (app: string) => boolean;
  /** Of the newest worker of this app; "" for none. */
  readonly release: (app: string) => string;
  /** Undefined where no route keeps answers. */
  readonly cache: CacheDesk | undefined;
  readonly routeSlots: readonly number[];
  readonly protection: SharedProtection;
}

export function buildActivePlan(plan: EdgePlan, parts: PlanParts): ActivePlan {
  const staticRoutes = plan.routes.filter(
    ({ action, files }) => action.kind === "static" || files !== undefined,
  ).length;
  const share = Math.floor(staticCacheBytes / Math.max(staticRoutes, 1));
  const protection = {
    ...parts.protection,
    target: (kind: "app" | "upstream", name: string) =>
      kind === "app" ? parts.app(name) : parts.upstream(name),
  };
  const plain: TargetFinder = ({ kind, name }) =>
    protection.target(kind, name) ?? missing(`there is no ${kind} ${name}`);
  const target: TargetFinder = (wanted) => withCanary(plan, wanted, plain);
  const large = createLargeFiles();
  const internal = createInternalFiles(plan.routes);
  const compression = plan.compression ? createCompression(plan.compression) : undefined;
  const backends = plan.routes.map((route, index) => {
    const coding = route.compression === false ? undefined : compression;
    const files: FileParts = { cacheBytes: share, large, compression: coding };
    const isKept = route.cache !== undefined && parts.cache !== undefined;
    const shape = (live: Backend): Backend => {
      const inner = internal === undefined ? live : internal.wrap(route, index, live);
      return shapeRequests(route, inner, placeOf(route), plain);
    };
    // What is kept is kept as it came, and coded for each client; each side of a split has its own.
    const keep = (live: Backend, side: CacheSide): Backend =>
      keepAnswers(route, shape(live), side, coding, plan, parts);
    const { action } = route;
    let shaped: Backend;
    if (!isKept)
      shaped = shape(compressAnswers(route, backendOf(route, files, parts, target), coding));
    else if (action.kind !== "app" && action.kind !== "split") {
      shaped = keep(backendOf(route, files, parts, target), onlySide);
    } else {
      const kept: TargetFinder = (wanted) => keep(plain(wanted), sideOf(plan, action, wanted));
      shaped = backendOf(route, files, parts, (wanted) => withCanary(plan, wanted, kept));
    }
    const first =
      route.files === undefined ? shaped : filesOf(route, route.files, files, parts, shaped);
    const answered = shapeAnswers(route, protectBackend(route, first, protection), parts.pages);
    const failure = failureOf(route, plan);
    return failure === undefined ? answered : showFailure(answered, failure);
  });
  return {
    plan,
    table: buildRouteTable(plan.routes, createTrustCheck),
    backends,
    routeSlots: parts.routeSlots,
    trust: plan.trustedProxies.length === 0 ? undefined : createTrustCheck(plan.trustedProxies),
    logAccess:
      plan.accessLog === null || parts.writer === undefined
        ? undefined
        : createAccessLogging(plan, parts.writer),
    instrument: createInstrument(plan, logsTimes(plan.accessLog)),
  };
}

/** Lets go of what only an old plan used. Apps live on with their workers. */
export function retireActivePlan(active: ActivePlan): void {
  for (const backend of new Set(active.backends)) backend.retire();
}

/** The page of the first app of a route that has one. */
function failureOf({ action }: RoutePlan, { apps }: EdgePlan): string | undefined {
  if (action.kind === "app") return apps[action.app]?.failurePage;
  if (action.kind !== "split") return undefined;
  for (const { target } of action.choices) {
    const page = target.kind === "app" ? apps[target.name]?.failurePage : undefined;
    if (page !== undefined) return page;
  }
  return undefined;
}

/** The new code of an app that is on trial gets its share of the requests. */
function withCanary(plan: EdgePlan, wanted: TargetPlan, find: TargetFinder): Backend {
  const canary = wanted.kind === "app" ? plan.apps[wanted.name]?.canary : undefined;
  return canary === undefined ? find(wanted) : createCanaryBackend(wanted, canary, find);
}

/** Who makes the answers that are kept under a key: of several targets none is given another's. */
interface CacheSide {
  /** Part of the key; "" where there is but one. */
  readonly name: string;
  /** The app that answers; undefined for none of ours. */
  readonly app: string | undefined;
}

const onlySide: CacheSide = { name: "", app: undefined };

/** An app's own answers stay where they are while a canary is tried; what that makes goes with it. */
function sideOf(plan: EdgePlan, action: RouteAction, { kind, name }: TargetPlan): CacheSide {
  const app = kind === "app" ? name : undefined;
  const trial = Object.values(plan.apps).find(
    ({ canary }) => kind === "app" && canary?.app === name,
  );
  const part = action.kind === "split" ? `${kind} ${name}` : "";
  const salt = trial?.canary === undefined ? "" : `canary ${trial.canary.salt}`;
  return { name: [part, salt].filter((text) => text !== "").join(" "), app };
}

/** Where one of them is unknown nothing is said. */
function isOtherRelease(made: string, current: string): boolean {
  return made !== "" && current !== "" && made !== current;
}

/**
 * By what clients ask for, before it is rewritten; behind the route's protection, so that nobody gets
 * from the cache what is not for them. The backend itself for a route that keeps nothing.
 */
function keepAnswers(
  route: RoutePlan,
  inner: Backend,
  { name, app }: CacheSide,
  compression: Compression | undefined,
  plan: EdgePlan,
  { cache, isDown, release }: PlanParts,
): Backend {
  if (route.cache === undefined || cache === undefined) return inner;
  return createCachedBackend({
    rules: compileCacheRules(route.cache, route.conditions, name),
    desk: cache,
    inner,
    compression,
    saysStatus: route.cache.status,
    boundary: randomBytes(16).toString("hex"),
    isDown: app === undefined ? () => false : () => isDown(app),
    isOutdated:
      app !== undefined && plan.cache?.purgeOnRelease === true
        ? (answer) => isOtherRelease(answer.release, release(app))
        : () => false,
  });
}

interface FileParts {
  readonly cacheBytes: number;
  readonly large: LargeFiles;
  readonly compression: Compression | undefined;
}

function filesOf(
  route: RoutePlan,
  { root, settings }: NonNullable<RoutePlan["files"]>,
  files: FileParts,
  { pages }: PlanParts,
  otherwise?: Backend,
): Backend {
  return createStaticBackend({
    ...files,
    ...{ root, settings, pages, prefixLength: prefixLength(route), otherwise },
  });
}

function backendOf(
  route: RoutePlan,
  files: FileParts,
  parts: PlanParts,
  target: TargetFinder,
): Backend {
  const { action } = route;
  switch (action.kind) {
    case "static":
      return filesOf(route, action, files, parts);
    case "app":
      return target({ kind: "app", name: action.app });
    case "upstream":
      return parts.upstream(action.upstream) ?? missing(`there is no upstream ${action.upstream}`);
    case "respond":
      return createRespondBackend(action);
    case "redirect":
      return createRedirectBackend(action, placeOf(route));
    case "split":
      return createSplitBackend(action, target);
    default:
      return missing("this route is not understood");
  }
}

function placeOf(route: RoutePlan): TemplatePlace {
  const { pattern } = route;
  return {
    prefixLength: prefixLength(route),
    pattern: pattern === undefined ? null : templatePattern(pattern.source),
  };
}

function prefixLength(route: RoutePlan): number {
  if (route.match !== "prefix") return 0;
  return route.path.endsWith("/") ? route.path.length - 1 : route.path.length;
}

function missing(reason: string): Backend {
  return {
    wantsBody: false,
    handle: (exchange) => exchange.fail(502, reason),
    retire: () => {},
  };
}
