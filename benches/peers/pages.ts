/** Many pages of 1 KB, from an nginx that makes them up, and a load that asks for all of them in turn. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../lib/bench.ts";
import { loadCore } from "../lib/servers.ts";
import { startNginx } from "./nginx.ts";

/** @param socket where it listens */
export async function startPages(bench: Bench, socket: string): Promise<void> {
  await startNginx(bench, {
    name: "upstream",
    cores: loadCore,
    http: 'map $arg_n $tag { default odd; "~[02468]$" even; }',
    server: `listen unix:${socket};
    location / { default_type text/plain; add_header Cache-Tag $tag; return 200 "${"x".repeat(1024)}"; }`,
  });
}

/** The path of a script for wrk: `PATH?n=0`, `PATH?n=1` … and from the beginning. */
export function manyPages(folder: string, pages: number): string {
  const file = join(folder, `pages-${pages}.lua`);
  writeFileSync(
    file,
    `local n = 0
request = function()
  n = (n + 1) % ${pages}
  return wrk.format(nil, wrk.path .. "?n=" .. n)
end
`,
  );
  return file;
}
