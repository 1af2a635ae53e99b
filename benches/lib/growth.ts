/** Memory and descriptors of the edge while it is under load for a while: neither may grow. */
import { setTimeout as wait } from "node:timers/promises";
import type { StackServer } from "../peers/stack.ts";
import { type LoadOptions, measureRound, type Round } from "./measure.ts";
import { descriptorCount, residentBytes } from "./proc.ts";
import type { Bar, Column, Row } from "./section.ts";
import { medianOf } from "./statistics.ts";

export interface Growth {
  readonly load: Round;
  readonly columns: readonly Column[];
  /** A third of the time each. */
  readonly rows: readonly Row[];
  readonly bars: readonly Bar[];
}

interface Sample {
  readonly megabytes: number;
  readonly descriptors: number;
}

/** @param each is done every second beside the load */
export async function measureGrowth(
  stack: StackServer,
  options: LoadOptions,
  work: string,
  each: () => Promise<unknown> = async () => {},
): Promise<Growth> {
  const edge = stack.status().processes.find(({ kind }) => kind === "edge")?.pid ?? 0;
  const samples: Sample[] = [];
  let over = false;
  const load = measureRound(stack, options).finally(() => {
    over = true;
  });
  while (!over) {
    await Promise.race([wait(1_000), load]);
    await each();
    samples.push({ megabytes: residentBytes(edge) / 1e6, descriptors: descriptorCount(edge) });
  }
  const third = Math.floor(samples.length / 3);
  const length = Math.round(options.seconds / 3);
  const rows = [0, 1, 2].map((n): Row => {
    const part = samples.slice(n * third, (n + 1) * third);
    const values = {
      megabytes: medianOf(part.map(({ megabytes }) => megabytes)),
      descriptors: medianOf(part.map(({ descriptors }) => descriptors)),
    };
    return {
      name: [`first ${length} s`, `second ${length} s`, `last ${length} s`][n] ?? "",
      values,
    };
  });
  const of = (n: number, key: string): number => rows[n]?.values[key] ?? Number.NaN;
  return {
    load: await load,
    columns: [
      { key: "megabytes", title: "RSS MB", digits: 1 },
      { key: "descriptors", title: "descriptors", digits: 0 },
    ],
    rows,
    bars: [
      {
        work: `${work}: memory of the last ${length} s against the ${length} s before`,
        peer: "–",
        unit: "×",
        value: of(2, "megabytes") / of(1, "megabytes"),
        must: 1.1,
        aim: 1.02,
      },
      {
        work: `${work}: more descriptors`,
        peer: "–",
        unit: "",
        value: of(2, "descriptors") - of(1, "descriptors"),
        must: 0,
        aim: 0,
      },
    ],
  };
}
