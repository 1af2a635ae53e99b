/** The edge as a reverse proxy: CPU per request against the proxies people use. */
import { join } from "node:path";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import type { Bar } from "../lib/section.ts";
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

interface ProxyCase {
  readonly title: string;
  readonly note: string;
  readonly bars: readonly Pick<Bar, "peer" | "must" | "aim">[];
  readonly connections?: number;
  /** Of everything, where it is not pinned. */
  readonly cores?: string;
}

function createCase(name: string, { title, note, bars, connections, cores }: ProxyCase): BenchCase {
  return {
    name,
    async run(bench) {
      const servers = await startProxies(bench, cores);
      const compared = await compareUnderLoad(bench, servers, {
        path: "/",
        ...(connections === undefined ? {} : { connections }),
        ...(cores === undefined ? {} : { cores }),
      });
      return {
        title,
        note,
        columns: loadColumns,
        rows: compared.rows,
        bars: bars.map((bar) => cpuBar(compared, { ...bar, work: title })),
      };
    },
  };
}

async function startProxies(bench: Bench, everywhere?: string): Promise<readonly Server[]> {
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
      { cores },
    ),
    await startNginx(bench, {
      server: proxyLocation,
      http: keptUpstream(sockets.nginx),
      cores,
      workers,
    }),
    await startHaproxy(bench, sockets.haproxy, cores),
    await startCaddy(bench, `reverse_proxy unix/${sockets.caddy}`, cores),
  ];
}

async function startUpstream(bench: Bench, owner: string, cores: string): Promise<string> {
  const socket = join(bench.folder, `upstream-${owner}.sock`);
  const server = `listen unix:${socket}; location / { default_type text/plain; return 200 "Hello, World!\\n"; }`;
  await startNginx(bench, { name: `upstream of ${owner}`, cores, server });
  return socket;
}
