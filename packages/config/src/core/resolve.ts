/**
 * From a checked config to plans: every path absolute, every "auto" a number, every choice made.
 * What the disk must be asked comes in as functions.
 */
import { parseAddress } from "@stack/base";
import type {
  AppPlan,
  EdgePlan,
  ProgramPlan,
  RedisPlan,
  ResolvedConfig,
  RouteAction,
  RoutePlan,
  UserPlan,
} from "../plans.ts";
import type { ParsedConfig } from "../schema/config.ts";
import { type Places, placeOf } from "./place-of.ts";
import { resolveAdmin, resolveRotation } from "./resolve-admin.ts";
import { resolveCache, resolveRouteCache } from "./resolve-cache.ts";
import { addressOfListener, resolveListeners, socketModeOf } from "./resolve-listeners.ts";
import { resolveProtection } from "./resolve-protection.ts";
import { resolveUpstream } from "./resolve-upstream.ts";
import { resolveRecycling, resolveWorkers } from "./resolve-worker-life.ts";
import { resolveMatch } from "./routing/resolve-match.ts";
import { resolveSplit, resolveTraffic } from "./routing/resolve-traffic.ts";
import { resolveUpgrade } from "./upgrades.ts";

export interface ResolveContext {
  /** Absolute path of the config. */
  readonly file: string;
  /** As places name it: "deploy.config.ts". */
  readonly shownFile: string;
  readonly folder: string;
  /** Absolute: where a relative access log goes. */
  readonly logFolder: string;
  /** Absolute: where the embedded store of the cache is. */
  readonly cacheFolder: string;
  readonly cpuCount: number;
  readonly places: Places;
  readonly redis: RedisPlan;
  /** A path of the config, absolute. */
  readonly absolute: (path: string) => string;
  /** Undefined where neither is said. */
  readonly findUser: (
    user: string | number | undefined,
    group: string | number | undefined,
  ) => UserPlan | undefined;
  readonly findPython: (cwd: string, written: string | undefined) => PythonSearch;
}

/** Where an app's Python is, or where it was looked for. */
export interface PythonSearch {
  readonly python: string | null;
  readonly tried: readonly string[];
}

type ParsedApp = ParsedConfig["apps"][string];
type ParsedRoute = ParsedConfig["edge"]["routes"][number];

/** "auto" threads: more than four cost more than they bring (they share one accept queue). */
const mostAutoThreads = 4;
/** Of gevent and eventlet workers. */
const defaultGreenConcurrency = 100;

export function resolveConfig(parsed: ParsedConfig, context: ResolveContext): ResolvedConfig {
  const { edge } = parsed;
  const user = context.findUser(edge.user, edge.group);
  return {
    name: parsed.name ?? nameFromFolder(context.folder),
    file: context.file,
    folder: context.folder,
    edge: {
      listeners: edge.listen.map((written, index) => {
        const address = resolveAddress(addressOfListener(written), context);
        const socketMode = socketModeOf(written);
        const name = `edge.listen[${index}]`;
        return { name, address, ...(socketMode === undefined ? {} : { socketMode }) };
      }),
      threads: edge.threads === "auto" ? Math.min(context.cpuCount, mostAutoThreads) : edge.threads,
      ...(user === undefined ? {} : { user }),
      plan: resolveEdgePlan(parsed, context),
    },
    apps: mapRecord(parsed.apps, (app, name) => resolveApp(name, app, context)),
    programs: mapRecord(parsed.programs, (program, name) => resolveProgram(name, program, context)),
    redis: context.redis,
    smoke: parsed.smoke.map((check) => ({
      path: check.get,
      host: check.host ?? null,
      status: check.expect.status,
      contains: check.expect.contains ?? null,
    })),
    places: context.places,
  };
}

function resolveEdgePlan(parsed: ParsedConfig, context: ResolveContext): EdgePlan {
  const { edge } = parsed;
  const listeners = resolveListeners(edge.listen, context);
  const name = parsed.name ?? nameFromFolder(context.folder);
  const cache = resolveCache(parsed, context.redis, name, context.cacheFolder);
  return {
    ...(listeners === undefined ? {} : { listeners }),
    trustedProxies: edge.trustedProxies,
    limits: { ...edge.limits, spillBytes: edge.limits.spillBytes ?? usualSpill(parsed.upstreams) },
    spillFolder: `${context.logFolder}/../tmp`,
    timeoutsMs: edge.timeouts,
    accessLog:
      edge.accessLog === false
        ? null
        : {
            file: edge.accessLog.file.startsWith("/")
              ? edge.accessLog.file
              : `${context.logFolder}/${edge.accessLog.file}`,
            format: edge.accessLog.format,
            timings: edge.accessLog.timings,
            ...resolveRotation(edge.accessLog.rotate),
          },
    tracing: {
      requestId: edge.requestId,
      traceparent: edge.traceparent,
      serverTiming: edge.serverTiming,
    },
    compression: edge.compression === false ? null : edge.compression,
    errorPages: mapRecord(edge.errorPages, (file) => context.absolute(file)),
    admin: resolveAdmin(edge.admin, context.absolute),
    ...(cache === undefined ? {} : { cache }),
    routes: edge.routes.map((route, index) => resolveRoute(route, index, parsed, context)),
    upstreams: mapRecord(parsed.upstreams, (upstream) =>
      resolveUpstream(upstream, context.absolute),
    ),
    apps: mapRecord(parsed.apps, (app) => ({
      timeoutMs: app.timeout,
      queueLimit: app.queue.limit,
      queueTimeoutMs: app.queue.timeout,
    })),
  };
}

function resolveAddress(written: string, context: ResolveContext) {
  // A bare port is IPv4 on every interface: what works the same on a machine without IPv6.
  const address = parseAddress(written, "0.0.0.0");
  if (address === undefined) throw new TypeError(`unchecked address ${written}`);
  return address.kind === "unix" ? { ...address, path: context.absolute(address.path) } : address;
}

function resolveRoute(
  route: ParsedRoute,
  index: number,
  parsed: ParsedConfig,
  context: ResolveContext,
): RoutePlan {
  const { line } = placeOf(context.places, ["edge", "routes", index], context.shownFile);
  const protection = resolveProtection(route, parsed.apps, context.absolute);
  const cache = resolveRouteCache(route);
  return {
    ...resolveMatch(route),
    ...resolveTraffic(route),
    stripPrefix: route.stripPrefix,
    ...resolveUpgrade(route, parsed.apps, parsed.upstreams),
    action: resolveAction(route, context),
    ...resolveFiles(route, context),
    source: line === undefined ? context.shownFile : `${context.shownFile}:${line}`,
    ...(protection === undefined ? {} : { protection }),
    ...(route.internal ? { internal: true } : {}),
    ...(route.compression === false ? { compression: false } : {}),
    ...(cache === undefined ? {} : { cache }),
  };
}

/** A body in chunks has no length until all of it is there: protocols after CGI cannot begin before. */
function usualSpill(upstreams: ParsedConfig["upstreams"]): number {
  return Object.values(upstreams).some(({ protocol }) => protocol !== "http") ? 2 ** 30 : 0;
}

function resolveAction(route: ParsedRoute, context: ResolveContext): RouteAction {
  if (route.app !== undefined) return { kind: "app", app: route.app };
  if (route.upstream !== undefined) return { kind: "upstream", upstream: route.upstream };
  if (route.split) return resolveSplit(route.split, route.sticky);
  if (route.static) return { kind: "static", ...resolveStatic(route.static, context) };
  if (route.respond) return { kind: "respond", ...route.respond };
  if (route.redirect) return { kind: "redirect", ...route.redirect };
  throw new TypeError(`unchecked route ${route.path}`);
}

/** Of a route that has an app as well: what is asked before it. */
function resolveFiles(route: ParsedRoute, context: ResolveContext): Pick<RoutePlan, "files"> {
  const isForwarded = [route.app, route.upstream, route.split].some((one) => one !== undefined);
  return route.static && isForwarded ? { files: resolveStatic(route.static, context) } : {};
}

function resolveStatic(
  { root, maxAge, fallback, ...settings }: NonNullable<ParsedRoute["static"]>,
  context: ResolveContext,
): Pick<Extract<RouteAction, { kind: "static" }>, "root" | "settings"> {
  return {
    root: context.absolute(root),
    settings: { ...settings, fallback: fallback ?? null, maxAgeMs: maxAge ?? null },
  };
}

function resolveApp(name: string, app: ParsedApp, context: ResolveContext): AppPlan {
  const cwd = context.absolute(app.cwd);
  const base = {
    name,
    cwd,
    env: app.env,
    ...resolveSurroundings(app, context),
    instances: app.instances,
    health: app.health ?? null,
    timeoutMs: app.timeout,
    bootTimeoutMs: app.bootTimeout,
    ...(app.release.length === 0
      ? {}
      : { release: app.release, releaseTimeoutMs: app.releaseTimeout }),
    canary: {
      requests: app.canary.requests,
      timeMs: app.canary.time,
      deadlineMs: app.canary.deadline,
    },
    drainTimeoutMs: app.drainTimeout,
    queueLimit: app.queue.limit,
    queueTimeoutMs: app.queue.timeout,
    ...resolveRecycling(app),
    place: placeOf(context.places, ["apps", name], context.shownFile),
  };
  switch (app.kind) {
    case "wsgi": {
      const isGreen = app.worker !== "sync";
      return {
        ...base,
        ...resolvePython(app, cwd, context),
        kind: "wsgi",
        // Their loops must not cross a fork.
        preload: app.preload && !isGreen,
        worker: !isGreen && app.threads > 1 ? "threads" : app.worker,
        concurrency: isGreen ? (app.concurrency ?? defaultGreenConcurrency) : app.threads,
      };
    }
    case "asgi":
      return {
        ...base,
        ...resolvePython(app, cwd, context),
        kind: "asgi",
        concurrency: app.concurrency,
      };
    case "node":
      return {
        ...base,
        kind: "node",
        ...resolveWorkers(app.workers, context.cpuCount),
        entry: app.entry.startsWith("/") ? app.entry : joinPath(cwd, app.entry),
        ...(app.args.length === 0 ? {} : { args: app.args }),
      };
    case "command":
      return {
        ...base,
        kind: "command",
        workers: 1,
        command: firstAndRest(app.command),
        ...(app.ready === undefined ? {} : { readyLog: app.ready.log }),
      };
  }
}

/** Nothing of what is not said: most apps say none of it. */
function resolveSurroundings(app: ParsedApp, context: ResolveContext) {
  const files = app.envFile === undefined ? [] : [app.envFile].flat();
  const user = context.findUser(app.user, app.group);
  return {
    ...(files.length === 0 ? {} : { envFiles: files.map(context.absolute) }),
    ...(user === undefined ? {} : { user }),
    ...(app.umask === undefined ? {} : { umask: Number.parseInt(app.umask, 8) }),
  };
}

function resolvePython(
  app: Extract<ParsedApp, { kind: "wsgi" | "asgi" }>,
  cwd: string,
  context: ResolveContext,
) {
  const { python, tried } = context.findPython(cwd, app.python);
  return {
    ...resolveWorkers(app.workers, context.cpuCount),
    app: app.app,
    middleware: app.middleware,
    preload: app.preload,
    ...(app.hooks === undefined
      ? {}
      : { hooks: app.hooks.startsWith("/") ? app.hooks : joinPath(cwd, app.hooks) }),
    ...(app.pythonPath.length === 0
      ? {}
      : { pythonPath: app.pythonPath.map((path) => context.absolute(path)) }),
    python,
    pythonTried: tried,
  };
}

function resolveProgram(
  name: string,
  program: ParsedConfig["programs"][string],
  context: ResolveContext,
): ProgramPlan {
  const user = context.findUser(program.user, program.group);
  return {
    name,
    command: firstAndRest(program.command),
    cwd: context.absolute(program.cwd),
    env: program.env,
    ...(user === undefined ? {} : { user }),
    restart: program.restart,
    dependsOn: Object.keys(program.dependsOn),
    place: placeOf(context.places, ["programs", name], context.shownFile),
  };
}

/** "/srv/My Shop" is "my-shop". */
function nameFromFolder(folder: string): string {
  const last = folder.split("/").findLast((part) => part !== "") ?? "";
  const name = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 32)
    .replace(/-+$/, "");
  return name === "" ? "stack" : name;
}

function joinPath(folder: string, path: string): string {
  return `${folder}/${path.replace(/^(?:\.\/+)+/, "")}`;
}

function firstAndRest(command: readonly string[]): readonly [string, ...string[]] {
  const [first, ...rest] = command;
  if (first === undefined) throw new TypeError("unchecked command");
  return [first, ...rest];
}

function mapRecord<From, To>(
  from: Readonly<Record<string, From>>,
  convert: (value: From, name: string) => To,
): Readonly<Record<string, To>> {
  return Object.fromEntries(
    Object.entries(from).map(([name, value]) => [name, convert(value, name)]),
  );
}
