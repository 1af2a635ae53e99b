/** The edge as a reverse proxy: CPU per request against the proxies people use. */
import { join } from "node:path";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import { loadCore } from "../lib/servers.ts";
import { startCaddy } from "../peers/caddy.ts";
import { startHaproxy } from "../peers/haproxy.ts";
import { keptUpstream, proxyLocation, startNginx } from "../peers/nginx.ts";
import { startStack } from "../peers/stack.ts";

const work = "proxy, keep-alive, HTTP upstream on a Unix socket";

export const proxy: BenchCase = {
  name: "proxy",
  async run(bench) {
    const sockets = {
      stack: await startUpstream(bench, "stack"),
      nginx: await startUpstream(bench, "nginx"),
      haproxy: await startUpstream(bench, "haproxy"),
      caddy: await startUpstream(bench, "caddy"),
    };
    const servers = [
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
    const compared = await compareUnderLoad(bench, servers, { path: "/" });
    return {
      title: work,
      note: "The upstream is an nginx that answers 14 bytes from memory, on the core of the load generator, one for each proxy; only the proxy's time counts.",
      columns: loadColumns,
      rows: compared.rows,
      bars: [
        cpuBar(compared, { work, peer: "nginx", must: 1.3, aim: 0.95 }),
        cpuBar(compared, { work, peer: "Caddy", must: 0.25, aim: 0.15 }),
      ],
    };
  },
};

async function startUpstream(bench: Bench, owner: string): Promise<string> {
  const socket = join(bench.folder, `upstream-${owner}.sock`);
  const server = `listen unix:${socket}; location / { default_type text/plain; return 200 "Hello, World!\\n"; }`;
  await startNginx(bench, { name: `upstream of ${owner}`, cores: loadCore, server });
  return socket;
}
