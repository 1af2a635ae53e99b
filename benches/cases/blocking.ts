/** Quick requests beside ones that block their worker: what the queue in the edge is for. */
import type { Bench, BenchCase } from "../lib/bench.ts";
import { runOpenLoad } from "../lib/open-load.ts";
import type { Bar, Row } from "../lib/section.ts";
import type { Server } from "../lib/servers.ts";
import { medianOf, quantileOf } from "../lib/statistics.ts";
import { debianPython, startGunicornSync, startUvicorn } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const workers = 4;
const slowShare = 1 / 20;
/** 4 workers, 10 ms of blocking per request on average: 400 a second would be all they can do. */
const perSecond = 280;
const secondsPerRound = 5;
const work = "p95 of quick requests while 1 in 20 blocks its worker for 200 ms, 70 % load";

export const blocking: BenchCase = {
  name: "blocking",
  async run(bench) {
    const servers = [
      await startOurs(bench, "stack (WSGI)", "wsgi", "blocking:application"),
      await startGunicornSync(bench, { cwd: appsFolder, app: "blocking:application", workers }),
      await startOurs(bench, "stack (ASGI)", "asgi", "blocking_asgi:application"),
      await startUvicorn(bench, { cwd: appsFolder, app: "blocking_asgi:application", workers }),
    ];
    const measured = new Map(
      servers.map(({ name }) => [name, { p50: [], p95: [], failed: 0 } as Measured]),
    );
    for (let round = 0; round <= bench.rounds; round += 1) {
      for (const server of servers) {
        const seed = round + 1;
        const { quickMs, failed } = await runOpenLoad({
          ...{ url: server.url, perSecond, seconds: round === 0 ? 1 : secondsPerRound, seed },
          ...{ slowShare, quickPath: "/", slowPath: "/slow" },
        });
        if (round === 0) continue; // warm-up
        const p95 = quantileOf(quickMs, 0.95);
        bench.log(`${server.name}  p95 ${p95.toFixed(1)} ms, ${failed} failed`);
        const own = measured.get(server.name);
        if (own === undefined) continue;
        own.p50.push(quantileOf(quickMs, 0.5));
        own.p95.push(p95);
        own.failed += failed;
      }
    }
    const ratio = (ours: string, peer: string): number => {
      const theirs = measured.get(peer)?.p95 ?? [];
      const own = measured.get(ours)?.p95 ?? [];
      return medianOf(own.map((value, round) => value / (theirs[round] ?? Number.NaN)));
    };
    const bar = (ours: string, peer: string, must: number, aim: number): Bar => {
      return { work, peer, unit: "×", value: ratio(ours, peer), must, aim };
    };
    return {
      title: work,
      note: `${workers} workers each, ${perSecond} requests a second at random moments, the same moments for all; ${secondsPerRound} s a round. A latency counts from the moment the request was due.`,
      columns: [
        { key: "p50", title: "p50 ms", digits: 1 },
        { key: "p95", title: "p95 ms", digits: 1 },
        { key: "failed", title: "failed", digits: 0 },
      ],
      rows: [...measured].map(([name, own]): Row => {
        const values = { p50: medianOf(own.p50), p95: medianOf(own.p95), failed: own.failed };
        return { name, values };
      }),
      bars: [
        bar("stack (WSGI)", "nginx + gunicorn sync", 1.05, 1),
        bar("stack (ASGI)", "nginx + uvicorn", 0.7, 0.4),
      ],
    };
  },
};

interface Measured {
  readonly p50: number[];
  readonly p95: number[];
  failed: number;
}

function startOurs(bench: Bench, name: string, kind: string, app: string): Promise<Server> {
  return startStack(
    bench,
    (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "${kind}", cwd: ${JSON.stringify(appsFolder)}, app: "${app}", workers: ${workers}, python: "${debianPython}" } } }`,
    { name },
  );
}
