/** An entry of `upstreams` as the edge reads it; what has its default is left out. */
import type { ParsedConfig } from "../schema/config.ts";
import type { UpstreamBalance, UpstreamHealth, UpstreamPlan } from "../upstream-plan.ts";

type ParsedUpstream = ParsedConfig["upstreams"][string];
type ParsedServer = ParsedUpstream["servers"][number];

/** @param absolute a path of the config, absolute */
export function resolveUpstream(
  upstream: ParsedUpstream,
  absolute: (path: string) => string,
): UpstreamPlan {
  const { eject, params, protocol, proxyProtocol, queue, resolver, retries, root, sticky } =
    upstream;
  const balance = resolveBalance(upstream.balance);
  return {
    servers: upstream.servers.map((server) => resolveServer(server, upstream, absolute)),
    ...(protocol === "http" ? {} : { protocol }),
    ...(balance === "least-busy" ? {} : { balance }),
    ...(sticky === undefined
      ? {}
      : {
          sticky: {
            cookie: sticky.cookie,
            secret: sticky.secret,
            maxAgeMs: sticky.maxAge ?? null,
          },
        }),
    ...(upstream.slowStart === 0 ? {} : { slowStartMs: upstream.slowStart }),
    ...(queue.limit === 1000 && queue.timeout === 30_000
      ? {}
      : { queueLimit: queue.limit, queueTimeoutMs: queue.timeout }),
    ...(upstream.health === undefined ? {} : { health: resolveHealth(upstream.health) }),
    ...resolveEjection(eject),
    ...(retries.share === 0.2 && retries.perSecond === 3 ? {} : { retries }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
    ...(upstream.keepAlive === undefined ? {} : { keepAliveMs: upstream.keepAlive }),
    ...(upstream.reuse === "safe" ? {} : { reuse: upstream.reuse }),
    ...(resolver === undefined ? {} : { resolver }),
    ...(root === undefined
      ? {}
      : {
          scripts: {
            root: absolute(root),
            index: upstream.index ?? "index.php",
            ...(upstream.frontController === undefined ? {} : { front: upstream.frontController }),
          },
        }),
    ...(params === undefined ? {} : { params }),
  };
}

function resolveServer(
  server: ParsedServer,
  upstream: ParsedUpstream,
  absolute: (path: string) => string,
): UpstreamPlan["servers"][number] {
  const written = typeof server === "string" ? { address: server } : server;
  const address = written.address.startsWith("unix:")
    ? `unix:${absolute(written.address.slice("unix:".length))}`
    : written.address;
  if (typeof server === "string" && upstream.maxInFlight === undefined) return address;
  const { backup = false, maxInFlight, weight = 1 } = typeof server === "string" ? {} : server;
  return {
    address,
    weight,
    backup,
    maxInFlight: maxInFlight ?? upstream.maxInFlight ?? null,
  };
}

function resolveBalance(balance: ParsedUpstream["balance"]): UpstreamBalance {
  if (typeof balance === "string") return balance;
  const { hash } = balance;
  if (hash === "uri") return { hash };
  return "header" in hash
    ? { hash: "header", name: hash.header }
    : { hash: "cookie", name: hash.cookie };
}

function resolveHealth(health: NonNullable<ParsedUpstream["health"]>): UpstreamHealth {
  const defaults = {
    host: "localhost",
    intervalMs: 5_000,
    timeoutMs: 2_000,
    status: [200, 399],
    contains: null,
    rise: 2,
    fall: 3,
  } as const;
  if (typeof health === "string") return { path: health, ...defaults };
  const { status } = health;
  return {
    path: health.path,
    host: health.host,
    intervalMs: health.interval,
    timeoutMs: health.timeout,
    status: typeof status === "number" ? [status, status] : [status[0], status[1]],
    contains: health.contains ?? null,
    rise: health.rise,
    fall: health.fall,
  };
}

function resolveEjection(eject: ParsedUpstream["eject"]): Pick<UpstreamPlan, "eject"> {
  if (eject === false) return { eject: null };
  const { failures, time, maxTime } = eject;
  if (failures === 3 && time === 5_000 && maxTime === 60_000) return {};
  return { eject: { failures, timeMs: time, maxTimeMs: maxTime } };
}
