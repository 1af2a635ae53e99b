/** From a plan as data to what serves it: route table, one backend per route, trust, access log. */
import type { EdgePlan, RoutePlan } from "@stack/config";
import type { ErrorPages } from "../../core/error-pages.ts";
import { buildRouteTable } from "../../core/routing/route-table.ts";
import type { Backend } from "../exchange.ts";
import { createRedirectBackend, createRespondBackend } from "../fixed-answers.ts";
import type { AccessLogWriter } from "../log/access-log-writer.ts";
import { createAccessLogging } from "../log/access-logging.ts";
import { protectBackend, type SharedProtection } from "../protection/gates.ts";
import { createStaticBackend } from "../static/static-files.ts";
import { createUpstreamBackend } from "../upstream/http-upstream.ts";
import type { ActivePlan } from "./thread-context.ts";
import { createTrustCheck } from "./trusted-proxies.ts";

/** Memory for the contents of small files, over all static routes of a thread. */
const staticCacheBytes = 32 * 1024 * 1024;

/** For answers: an upstream may say more than a client. */
const upstreamLimits = { headerBytes: 256 * 1024, headerCount: 1000 };

export interface PlanParts {
  readonly pages: ErrorPages;
  readonly writer: AccessLogWriter | undefined;
  /** Of the thread, for all connections to servers. */
  readonly readBuffer: Buffer;
  readonly onBug: (error: unknown) => void;
  /** The scheduler of an app that the plan names. */
  readonly app: (name: string) => Backend | undefined;
  readonly routeSlots: readonly number[];
  readonly protection: SharedProtection;
}

export function buildActivePlan(plan: EdgePlan, parts: PlanParts): ActivePlan {
  const upstreams = new Map(
    Object.entries(plan.upstreams).map(([name, upstream]) => [
      name,
      createUpstreamBackend({
        servers: upstream.servers.map((server) =>
          typeof server === "string" ? server : server.address,
        ),
        readBuffer: parts.readBuffer,
        limits: upstreamLimits,
        connectMs: plan.timeoutsMs.connect,
        firstByteMs: plan.timeoutsMs.firstByte,
        onBug: parts.onBug,
      }),
    ]),
  );
  const staticRoutes = plan.routes.filter((route) => route.action.kind === "static").length;
  const share = Math.floor(staticCacheBytes / Math.max(staticRoutes, 1));
  const protection = {
    ...parts.protection,
    target: (kind: "app" | "upstream", name: string) =>
      kind === "app" ? parts.app(name) : upstreams.get(name),
  };
  const backends = plan.routes.map((route) =>
    protectBackend(route, backendOf(route, upstreams, share, parts), protection),
  );
  return {
    plan,
    table: buildRouteTable(plan.routes, createTrustCheck),
    backends,
    routeSlots: parts.routeSlots,
    trust: plan.trustedProxies.length === 0 ? undefined : createTrustCheck(plan.trustedProxies),
    logAccess:
      plan.accessLog === null || parts.writer === undefined
        ? undefined
        : createAccessLogging(plan.accessLog.format, parts.writer),
  };
}

/** Lets go of what only an old plan used. Apps live on with their workers. */
export function retireActivePlan(active: ActivePlan): void {
  for (const backend of new Set(active.backends)) backend.retire();
}

function backendOf(
  route: RoutePlan,
  upstreams: ReadonlyMap<string, Backend>,
  cacheBytes: number,
  parts: PlanParts,
): Backend {
  const { action } = route;
  switch (action.kind) {
    case "static":
      return createStaticBackend({
        root: action.root,
        prefixLength: prefixLength(route),
        cacheBytes,
        pages: parts.pages,
        settings: action.settings,
      });
    case "app":
      return parts.app(action.app) ?? missing(`there is no app ${action.app}`);
    case "upstream":
      return upstreams.get(action.upstream) ?? missing(`there is no upstream ${action.upstream}`);
    case "respond":
      return createRespondBackend(action);
    case "redirect":
      return createRedirectBackend(action);
    default:
      return missing("this route is not understood");
  }
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
