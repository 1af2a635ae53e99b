/** A minute of full load: memory and descriptors of the edge must not grow. */
import type { BenchCase } from "../lib/bench.ts";
import { measureGrowth } from "../lib/growth.ts";
import { debianPython } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const seconds = 60;

export const growth: BenchCase = {
  name: "growth",
  async run(bench) {
    const stack = await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "page:application", workers: 2, python: "${debianPython}" } } }`,
    );
    const options = { path: "/", connections: bench.connections, seconds };
    const { load, ...found } = await measureGrowth(stack, options, "60 s at full load");
    return {
      ...found,
      title: "A minute at full load",
      note: `${load.requests} requests to a WSGI app over ${bench.connections} connections, with an access log; ${load.errors} failed. Resident memory and descriptors of the edge, medians. \`node benches/soak.ts 300 8\` looks longer, beside clients that break off.`,
    };
  },
};
