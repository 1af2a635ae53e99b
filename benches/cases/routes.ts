/** A long table of routes must cost no more per request than a short one. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, loadColumns } from "../lib/compare.ts";
import type { Server } from "../lib/servers.ts";
import { startStack } from "../peers/stack.ts";

const few = 10;
const many = 10_000;
const work = "10,000 routes against 10, CPU/request";

export const routes: BenchCase = {
  name: "routes",
  async run(bench) {
    // Both are asked for the same ten paths, spread over the whole of the long table.
    const script = join(bench.folder, "paths.lua");
    writeFileSync(
      script,
      `local n = 0
request = function()
  n = (n + 1) % ${few}
  return wrk.format("GET", "/route-" .. n * ${many / few} .. "/page")
end
`,
    );
    const servers = [
      await startWith(bench, `stack, ${many} routes`, many, 1),
      await startWith(bench, `stack, ${few} routes`, few, many / few),
    ];
    const compared = await compareUnderLoad(bench, servers, { path: "/", script });
    const value = compared.ratio(`stack, ${few} routes`);
    return {
      title: work,
      note: "Prefix routes with fixed answers; ten of them are asked for in turn.",
      columns: loadColumns,
      rows: compared.rows,
      bars: [{ work, peer: "itself", unit: "×", value, must: 1.1, aim: 1 }],
    };
  },
};

function startWith(bench: Bench, name: string, count: number, step: number): Promise<Server> {
  return startStack(
    bench,
    (
      listen,
    ) => `{ name: "bench", redis: false, edge: { listen: [${listen}], threads: 1, accessLog: false,
  routes: Array.from({ length: ${count} }, (_, n) => ({ path: \`/route-\${n * ${step}}/*\` as const, respond: { status: 200, body: "ok\\n" } })) } }`,
    { name },
  );
}
