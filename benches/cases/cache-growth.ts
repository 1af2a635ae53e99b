/** A minute of hits, misses, codings and purges: the cache keeps to its bound. */
import { join } from "node:path";
import type { BenchCase } from "../lib/bench.ts";
import { measureGrowth } from "../lib/growth.ts";
import { manyPages, startPages } from "../peers/pages.ts";
import { startStack } from "../peers/stack.ts";

const seconds = 60;
const pages = 200_000;
const purges = [
  ["--tag", "even"],
  ["--prefix", "127.0.0.1"],
  ["--tag", "odd", "--soft"],
  ["--all"],
];

export const cacheGrowth: BenchCase = {
  name: "cache-growth",
  async run(bench) {
    const socket = join(bench.folder, "pages.sock");
    await startPages(bench, socket);
    const stack = await startStack(
      bench,
      (
        listen,
      ) => `{ name: "bench", redis: false, cache: { store: "embedded", memory: "32mb", disk: "64mb" },
  edge: { listen: [${listen}], threads: 1, accessLog: false,
    routes: [{ path: "/*", upstream: "up", cache: { mode: "force", ttl: "5s", staleWhileRevalidate: "5s" } }] },
  upstreams: { up: { servers: ["unix:${socket}"] } } }`,
    );
    const script = manyPages(bench.folder, pages);
    const options = { path: "/", connections: bench.connections, seconds, script };
    let count = 0;
    const purge = (): Promise<string> => {
      count += 1;
      return stack.stack("cache", "purge", ...(purges[count % purges.length] ?? []));
    };
    const { load, ...found } = await measureGrowth(stack, options, "60 s of a mixed cache", purge);
    return {
      ...found,
      title: "A minute of a cache under mixed load",
      note: `${load.requests} requests for ${pages} pages of 1 KB that live 5 s, over ${bench.connections} connections, through 32 MB of memory and a file of 64 MB; meanwhile ${count} purges by tag, prefix and of everything; ${load.errors} failed. Resident memory and descriptors of the edge, medians.`,
    };
  },
};
