/** Several servers under the same load, in turn, round by round: the heart of most cases. */
import type { Bench } from "./bench.ts";
import { type LoadOptions, measureRound, type Round } from "./measure.ts";
import type { Bar, Column, Row } from "./section.ts";
import type { Server } from "./servers.ts";
import { medianOf } from "./statistics.ts";

export interface Comparison {
  readonly rows: readonly Row[];
  /** A figure of the first server as a multiple of the peer's: the median of the rounds' ratios. */
  readonly ratio: (peer: string, key?: keyof Round) => number;
}

export const loadColumns: readonly Column[] = [
  { key: "cpuMicros", title: "CPU µs/request", digits: 1 },
  { key: "ratio", title: "stack ÷ this", digits: 2 },
  { key: "requestsPerSecond", title: "requests/s", digits: 0 },
  { key: "p50Ms", title: "p50 ms", digits: 2 },
  { key: "p99Ms", title: "p99 ms", digits: 2 },
  { key: "pssMegabytes", title: "PSS MB", digits: 0 },
  { key: "errors", title: "errors", digits: 0 },
];

/** Until just-in-time compilers have done their work, whatever the rate is: after 20,000 they had not. */
const warmUpRequests = 100_000;
const warmUpRounds = 8;

export async function compareUnderLoad(
  bench: Bench,
  servers: readonly Server[],
  load: Pick<LoadOptions, "path"> & Partial<LoadOptions>,
): Promise<Comparison> {
  const options = { connections: bench.connections, seconds: bench.seconds, ...load };
  const measured = new Map<string, Round[]>(servers.map(({ name }) => [name, []]));
  for (const server of servers) await warmUp(server, options);
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const server of servers) {
      const result = await measureRound(server, options);
      const rate = Math.round(result.requestsPerSecond);
      bench.log(`${server.name}  ${result.cpuMicros.toFixed(1)} µs  ${rate}/s`);
      measured.get(server.name)?.push(result);
    }
  }
  const ours = measured.get(servers[0]?.name ?? "") ?? [];
  const ratio: Comparison["ratio"] = (peer, key = "cpuMicros") => {
    const theirs = measured.get(peer) ?? [];
    return medianOf(ours.map((round, n) => round[key] / (theirs[n]?.[key] ?? Number.NaN)));
  };
  const rows = servers.map(({ name }, index) => ({
    name,
    values: {
      ...summarize(measured.get(name) ?? []),
      ...(index === 0 ? {} : { ratio: ratio(name) }),
    },
  }));
  return { rows, ratio };
}

async function warmUp(server: Server, options: LoadOptions): Promise<void> {
  let requests = 0;
  for (let round = 0; requests < warmUpRequests && round < warmUpRounds; round += 1) {
    requests += (await measureRound(server, { ...options, seconds: 1, isWarmUp: true })).requests;
  }
}

/** CPU per request against a peer. */
export function cpuBar(
  { ratio }: Comparison,
  bar: Pick<Bar, "work" | "peer" | "must" | "aim">,
): Bar {
  return { ...bar, unit: "×", value: ratio(bar.peer) };
}

/** Each figure's own median; errors are summed. */
function summarize(rounds: readonly Round[]): Readonly<Record<string, number>> {
  const keys = Object.keys(rounds[0] ?? {}) as (keyof Round)[];
  const medians = keys.map((key) => [key, medianOf(rounds.map((round) => round[key]))]);
  const errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  return { ...Object.fromEntries(medians), errors };
}
