/** One file of each size, the same for all servers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import type { Column } from "../lib/section.ts";
import { startCaddy } from "../peers/caddy.ts";
import { startNginx } from "../peers/nginx.ts";
import { startStack } from "../peers/stack.ts";

interface Size {
  readonly name: string;
  readonly title: string;
  readonly bytes: number;
  readonly must: number;
  readonly aim: number;
}

export const smallFile = staticFile({
  name: "static-1k",
  title: "1 KB static file",
  bytes: 1024,
  must: 1.1,
  aim: 0.8,
});
export const mediumFile = staticFile({
  name: "static-64k",
  title: "64 KB static file",
  bytes: 65_536,
  must: 1.05,
  aim: 0.8,
});
export const largeFile = staticFile({
  name: "static-10m",
  title: "10 MB static file",
  bytes: 10 * 2 ** 20,
  must: 0.8,
  aim: 1,
});

const bytesColumn: Column = { key: "megabytesPerSecond", title: "MB/s", digits: 0 };

function staticFile({ name, title, bytes, must, aim }: Size): BenchCase {
  const isLarge = bytes > 2 ** 20;
  return {
    name,
    async run(bench) {
      const root = join(bench.folder, "files");
      mkdirSync(root);
      writeFileSync(join(root, "file.bin"), Buffer.alloc(bytes, "x"));
      const servers = [
        await startStack(
          bench,
          (
            listen,
          ) => `{ name: "bench", redis: false, edge: { listen: [${listen}], threads: 1, accessLog: false,
  routes: [{ path: "/*", static: { root: ${JSON.stringify(root)} } }] } }`,
        ),
        await startNginx(bench, { server: `root ${root};` }),
        await startCaddy(bench, `root * ${root}\n  file_server`),
      ];
      const connections = isLarge ? 8 : bench.connections;
      const compared = await compareUnderLoad(bench, servers, { path: "/file.bin", connections });
      const rate = compared.ratio("nginx", "megabytesPerSecond");
      return {
        title,
        note: isLarge
          ? "8 connections; bytes a second is the figure here, and client and server each have one core."
          : "nginx with sendfile and open_file_cache.",
        columns: isLarge ? [bytesColumn, ...loadColumns] : loadColumns,
        rows: compared.rows,
        bars: isLarge
          ? [
              {
                work: `${title}, bytes/s`,
                peer: "nginx",
                unit: "×",
                value: rate,
                must,
                aim,
                atLeast: true,
              },
            ]
          : [cpuBar(compared, { work: title, peer: "nginx", must, aim })],
      };
    },
  };
}
