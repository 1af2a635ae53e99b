/** The edge as a reverse proxy: CPU per request against the proxies people use. */
import { join } from "node:path";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { type Certificate, createCertificate } from "../lib/certificate.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import type { Bar, Column } from "../lib/section.ts";
import { allCores, coresIn, loadCore, type Server, serverCore } from "../lib/servers.ts";
import { startCaddy } from "../peers/caddy.ts";
import { startHaproxy } from "../peers/haproxy.ts";
import { keptUpstream, proxyLocation, startNginx } from "../peers/nginx.ts";
import { startStack } from "../peers/stack.ts";

const note =
  "The upstream is an nginx that answers 14 bytes from memory, one for each proxy; only the proxy's time counts.";
const nginxBar = { peer: "nginx", must: 1.3, aim: 0.95 };
const caddyBar = { peer: "Caddy", must: 0.25, aim: 0.15 };

export const proxy = createCase("proxy", {
  title: "proxy, keep-alive, HTTP upstream on a Unix socket",
  note: `${note} It is on the core of the load generator.`,
  bars: [nginxBar, caddyBar],
});

export const proxyUnpinned = createCase("proxy-unpinned", {
  title: "the same, nothing pinned, each server with a thread or process for each core",
  note: `${note} As they are installed: all of it on all cores, where the kernel puts it. On one core alone Go needs a third less than here.`,
  bars: [nginxBar, caddyBar],
  cores: allCores,
});

export const proxyCrowd = createCase("proxy-512", {
  title: "the same for 512 clients at once",
  note: `${note} It is on the core of the load generator.`,
  bars: [nginxBar],
  connections: 512,
});

export const proxyTls = createCase("proxy-tls", {
  title: "the same over TLS 1.3, connections kept",
  note: `${note} It is on the core of the load generator. HTTP/1.1; handshakes are no part of it.`,
  bars: [],
  isTls: true,
});

export const proxyHttp2 = createCase("proxy-http2", {
  title: "the same over HTTP/2",
  note: `${note} It is on the core of the load generator, h2load: 8 requests at once on each of 8 connections, over TLS.`,
  bars: [],
  isTls: true,
  streams: 8,
});

interface ProxyCase {
  readonly title: string;
  readonly note: string;
  readonly bars: readonly Pick<Bar, "peer" | "must" | "aim">[];
  readonly connections?: number;
  /** Of everything, where it is not pinned. */
  readonly cores?: string;
  readonly isTls?: boolean;
  /** Of HTTP/2, on each connection. */
  readonly streams?: number;
}

function createCase(name: string, options: ProxyCase): BenchCase {
  const { title, note, bars, connections, cores, streams } = options;
  return {
    name,
    async run(bench) {
      const certificate = options.isTls ? createCertificate(bench) : undefined;
      const servers = await startProxies(bench, cores, certificate);
      const compared = await compareUnderLoad(bench, servers, {
        path: "/",
        ...(connections === undefined ? {} : { connections }),
        ...(cores === undefined ? {} : { cores }),
        ...(streams === undefined ? {} : { streams }),
      });
      return {
        title,
        note,
        columns: streams === undefined ? loadColumns : loadColumns.filter(isOfHttp2),
        rows: compared.rows,
        bars: bars.map((bar) => cpuBar(compared, { ...bar, work: title })),
      };
    },
  };
}

/** h2load counts no quantiles. */
function isOfHttp2({ key }: Column): boolean {
  return key !== "p50Ms" && key !== "p99Ms";
}

async function startProxies(
  bench: Bench,
  everywhere?: string,
  certificate?: Certificate,
): Promise<readonly Server[]> {
  const cores = everywhere ?? serverCore;
  const socketOf = (owner: string) => startUpstream(bench, owner, everywhere ?? loadCore);
  const sockets = {
    stack: await socketOf("stack"),
    nginx: await socketOf("nginx"),
    haproxy: await socketOf("haproxy"),
    caddy: await socketOf("caddy"),
  };
  const workers = coresIn(cores);
  return [
    await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: ${workers}, accessLog: false, routes: [{ path: "/*", upstream: "up" }] },
  upstreams: { up: { servers: ["unix:${sockets.stack}"] } } }`,
      { cores, certificate },
    ),
    await startNginx(bench, {
      server: proxyLocation,
      http: keptUpstream(sockets.nginx),
      cores,
      workers,
      certificate,
    }),
    await startHaproxy(bench, sockets.haproxy, cores, certificate),
    await startCaddy(bench, `reverse_proxy unix/${sockets.caddy}`, cores, certificate),
  ];
}

async function startUpstream(bench: Bench, owner: string, cores: string): Promise<string> {
  const socket = join(bench.folder, `upstream-${owner}.sock`);
  const server = `listen unix:${socket}; location / { default_type text/plain; return 200 "Hello, World!\\n"; }`;
  await startNginx(bench, { name: `upstream of ${owner}`, cores, server });
  return socket;
}
