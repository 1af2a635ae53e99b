/** A minute of full load: memory and descriptors of the edge must not grow. */
import { setTimeout as wait } from "node:timers/promises";
import type { BenchCase } from "../lib/bench.ts";
import { measureRound } from "../lib/measure.ts";
import { descriptorCount, residentBytes } from "../lib/proc.ts";
import type { Row } from "../lib/section.ts";
import { medianOf } from "../lib/statistics.ts";
import { debianPython } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const seconds = 60;
const work = "60 s at full load: memory of the last 20 s against the 20 s before";

interface Sample {
  readonly megabytes: number;
  readonly descriptors: number;
}

export const growth: BenchCase = {
  name: "growth",
  async run(bench) {
    const stack = await startStack(
      bench,
      (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "page:application", workers: 2, python: "${debianPython}" } } }`,
    );
    const edge = stack.status().processes.find(({ kind }) => kind === "edge")?.pid ?? 0;
    const samples: Sample[] = [];
    let over = false;
    const load = measureRound(stack, {
      path: "/",
      connections: bench.connections,
      seconds,
    }).finally(() => {
      over = true;
    });
    while (!over) {
      await Promise.race([wait(1_000), load]);
      samples.push({ megabytes: residentBytes(edge) / 1e6, descriptors: descriptorCount(edge) });
    }
    const { requests, errors } = await load;
    const third = Math.floor(samples.length / 3);
    const thirds = [0, 1, 2].map((n) => samples.slice(n * third, (n + 1) * third));
    const rows = thirds.map((part, n): Row => {
      const values = {
        megabytes: medianOf(part.map(({ megabytes }) => megabytes)),
        descriptors: medianOf(part.map(({ descriptors }) => descriptors)),
      };
      return { name: ["first 20 s", "second 20 s", "last 20 s"][n] ?? "", values };
    });
    const of = (n: number, key: string): number => rows[n]?.values[key] ?? Number.NaN;
    return {
      title: "A minute at full load",
      note: `${requests} requests to a WSGI app over ${bench.connections} connections, with an access log; ${errors} failed. Resident memory and descriptors of the edge, medians. V8 lets its young generation grow for the first minutes; \`node benches/soak.ts 300 8\` looks longer, beside clients that break off.`,
      columns: [
        { key: "megabytes", title: "RSS MB", digits: 1 },
        { key: "descriptors", title: "descriptors", digits: 0 },
      ],
      rows,
      bars: [
        {
          work,
          peer: "–",
          unit: "×",
          value: of(2, "megabytes") / of(1, "megabytes"),
          must: 1.1,
          aim: 1.02,
        },
        {
          work: "60 s at full load: more descriptors",
          peer: "–",
          unit: "",
          value: of(2, "descriptors") - of(1, "descriptors"),
          must: 0,
          aim: 0,
        },
      ],
    };
  },
};
