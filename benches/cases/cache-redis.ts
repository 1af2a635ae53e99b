/** What is in no memory of the edge any more, and comes from Redis: against nginx's files, and the app. */
import { join } from "node:path";
import type { BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import { measureRound } from "../lib/measure.ts";
import { keptUpstream, startNginx } from "../peers/nginx.ts";
import { manyPages, startPages } from "../peers/pages.ts";
import { debianPython } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const work = "hit from Redis (1 KB)";
/** Their answers fill the 1 MB of the edge many times over. */
const pages = 5_000;
/** So often each is asked for before it is measured: what was stored too late is so the next time. */
const fillings = 4;
const application = "the app itself";

export const cacheRedis: BenchCase = {
  name: "cache-redis",
  async run(bench) {
    const socket = join(bench.folder, "pages.sock");
    const kept = join(bench.folder, "kept");
    await startPages(bench, socket);
    const servers = [
      await startStack(
        bench,
        (listen) => `{ name: "bench", redis: "managed", cache: { store: "redis", memory: "1mb" },
  edge: { listen: [${listen}], threads: 1, accessLog: false,
    routes: [{ path: "/*", upstream: "up", cache: { mode: "force", ttl: "1h" } }] },
  upstreams: { up: { servers: ["unix:${socket}"] } } }`,
      ),
      await startNginx(bench, {
        server: `location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache kept;
      proxy_cache_valid 200 1h;
    }`,
        http: `proxy_cache_path ${kept} levels=1:2 keys_zone=kept:10m use_temp_path=off;
  ${keptUpstream(socket)}`,
      }),
      await startStack(
        bench,
        (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "page:application", workers: 2, python: "${debianPython}" } } }`,
        { name: application },
      ),
    ];
    const script = manyPages(bench.folder, pages);
    const fill = { path: "/", script, connections: bench.connections, seconds: 3 };
    for (const server of servers.slice(0, 2)) {
      for (let asked = 0; asked < pages * fillings; ) {
        asked += (await measureRound(server, fill)).requests;
      }
    }
    const compared = await compareUnderLoad(bench, servers, { path: "/", script });
    return {
      title: work,
      note: `${pages} pages asked for in turn, 1 MB of memory in the edge: nearly every answer comes from the managed Redis on the same core, whose CPU time counts. nginx has them in files, all in the page cache. ${application}: a WSGI page behind the same edge, not kept. Nobody is held to the first ratio: a round trip to another process is beside a read of the page cache; the second is why one would.`,
      columns: loadColumns,
      rows: compared.rows,
      bars: [cpuBar(compared, { work, peer: application, must: 1, aim: 0.6 })],
    };
  },
};
