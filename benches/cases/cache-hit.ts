/** An answer that is kept: what a hit costs, and that the upstream is left alone. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import { loadCore } from "../lib/servers.ts";
import { keptUpstream, startNginx } from "../peers/nginx.ts";
import { startStack } from "../peers/stack.ts";

const work = "cache hit (1 KB)";

export const cacheHit: BenchCase = {
  name: "cache-hit",
  async run(bench) {
    const socket = await startUpstream(bench);
    const kept = join(bench.folder, "kept");
    const servers = [
      await startStack(
        bench,
        (listen) => `{ name: "bench", redis: false, cache: { store: "memory" },
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
      add_header X-Cache $upstream_cache_status;
    }`,
        http: `proxy_cache_path ${kept} levels=1:2 keys_zone=kept:10m use_temp_path=off;
  ${keptUpstream(socket)}`,
      }),
    ];
    const compared = await compareUnderLoad(bench, servers, { path: "/file.txt" });
    return {
      title: work,
      note: "One answer of an upstream, kept in memory by us and by nginx in a file that is in the page cache, found through its open file cache. Both say with each answer that it was a hit.",
      columns: loadColumns,
      rows: compared.rows,
      bars: [cpuBar(compared, { work, peer: "nginx", must: 0.95, aim: 0.65 })],
    };
  },
};

async function startUpstream(bench: Bench): Promise<string> {
  const socket = join(bench.folder, "upstream.sock");
  const root = join(bench.folder, "files");
  mkdirSync(root);
  writeFileSync(join(root, "file.txt"), "x".repeat(1024));
  await startNginx(bench, {
    name: "upstream",
    cores: loadCore,
    server: `listen unix:${socket}; root ${root};`,
  });
  return socket;
}
