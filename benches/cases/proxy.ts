/** The edge as a reverse proxy: CPU per request against the proxies people use. */
import { join } from "node:path";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { type Comparison, compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import type { Bar } from "../lib/section.ts";
import { loadCore, type Server } from "../lib/servers.ts";
import { startCaddy } from "../peers/caddy.ts";
import { startHaproxy } from "../peers/haproxy.ts";
import { keptUpstream, proxyLocation, startNginx } from "../peers/nginx.ts";
import { startStack } from "../peers/stack.ts";

export const proxy = createCase(
  "proxy",
  "proxy, keep-alive, HTTP upstream on a Unix socket",
  (compared, work) => [
    cpuBar(compared, { work, peer: "nginx", must: 1.3, aim: 0.95 }),
    cpuBar(compared, { work, peer: "Caddy", must: 0.25, aim: 0.15 }),
  ],
);

export const proxyCrowd = createCase(
  "proxy-512",
  "the same for 512 clients at once",
  (compared, work) => [cpuBar(compared, { work, peer: "nginx", must: 1.3, aim: 0.95 })],
  512,
);

function createCase(
  name: string,
  work: string,
  barsOf: (compared: Comparison, work: string) => readonly Bar[],
  connections?: number,
): BenchCase {
  return {
    name,
    async run(bench) {
      const servers = await startProxies(bench);
      const load = connections === undefined ? {} : { connections };
      const compared = await compareUnderLoad(bench, servers, { path: "/", ...load });
      return {
        title: work,
        note: "The upstream is an nginx that answers 14 bytes from memory, on the core of the load generator, one for each proxy; only the proxy's time counts.",
        columns: loadColumns,
        rows: compared.rows,
        bars: barsOf(compared, work),
      };
    },
  };
}

async function startProxies(bench: Bench): Promise<readonly Server[]> {
  const sockets = {
    stack: await startUpstream(bench, "stack"),
    nginx: await startUpstream(bench, "nginx"),
    haproxy: await startUpstream(bench, "haproxy"),
    caddy: await startUpstream(bench, "caddy"),
  };
  return [
    await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", upstream: "up" }] },
  upstreams: { up: { servers: ["unix:${sockets.stack}"] } } }`,
    ),
    await startNginx(bench, { server: proxyLocation, http: keptUpstream(sockets.nginx) }),
    await startHaproxy(bench, sockets.haproxy),
    await startCaddy(bench, `reverse_proxy unix/${sockets.caddy}`),
  ];
}

async function startUpstream(bench: Bench, owner: string): Promise<string> {
  const socket = join(bench.folder, `upstream-${owner}.sock`);
  const server = `listen unix:${socket}; location / { default_type text/plain; return 200 "Hello, World!\\n"; }`;
  await startNginx(bench, { name: `upstream of ${owner}`, cores: loadCore, server });
  return socket;
}
