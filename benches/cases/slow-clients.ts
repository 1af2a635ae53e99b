/** Whether clients that dawdle are felt by those who do not. */
import { setTimeout as wait } from "node:timers/promises";
import type { BenchCase } from "../lib/bench.ts";
import { measureRound, type Round } from "../lib/measure.ts";
import type { Row } from "../lib/section.ts";
import type { Server } from "../lib/servers.ts";
import { startSlowClients } from "../lib/slow-clients.ts";
import { medianOf } from "../lib/statistics.ts";
import { debianPython, startGunicornSync } from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

const workers = 2;
const slow = 200;
const connections = 8;
/** Until the pages have been made and only the dawdling is left. */
const settleMs = 1_500;
const app = "page:application";

export const slowClients: BenchCase = {
  name: "slow-clients",
  async run(bench) {
    const servers: readonly Server[] = [
      await startStack(
        bench,
        (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(appsFolder)}, app: "${app}", workers: ${workers}, python: "${debianPython}" } } }`,
      ),
      await startGunicornSync(bench, { cwd: appsFolder, app, workers }),
    ];
    const load = { path: "/", connections, seconds: bench.seconds };
    const measured = servers.map(() => ({ alone: [] as Round[], beside: [] as Round[] }));
    for (const server of servers) await measureRound(server, load);
    for (let round = 0; round < bench.rounds; round += 1) {
      for (const [n, server] of servers.entries()) {
        measured[n]?.alone.push(await measureRound(server, load));
        await using clients = startSlowClients(Number(new URL(server.url).port), "/page", slow);
        await wait(settleMs);
        const beside = await measureRound(server, load);
        measured[n]?.beside.push(beside);
        bench.log(
          `${server.name}  p99 ${beside.p99Ms.toFixed(2)} ms beside ${clients.open()} slow`,
        );
      }
    }
    return {
      title: "p99 beside slow clients",
      note: `A 1 KB page of a WSGI app with ${workers} workers over ${connections} connections, alone and beside ${slow} clients of which half read a page of 400 KB and half send a body of 200 KB, both at 10 KB/s.`,
      columns: [
        { key: "p99Alone", title: "p99 ms, alone", digits: 2 },
        { key: "p99Beside", title: "p99 ms, beside them", digits: 2 },
        { key: "rateAlone", title: "requests/s, alone", digits: 0 },
        { key: "rateBeside", title: "requests/s, beside them", digits: 0 },
        { key: "errors", title: "errors", digits: 0 },
      ],
      rows: servers.map(({ name }, n): Row => {
        const { alone = [], beside = [] } = measured[n] ?? {};
        return {
          name,
          values: {
            p99Alone: medianOf(alone.map(({ p99Ms }) => p99Ms)),
            p99Beside: medianOf(beside.map(({ p99Ms }) => p99Ms)),
            rateAlone: medianOf(alone.map(({ requestsPerSecond }) => requestsPerSecond)),
            rateBeside: medianOf(beside.map(({ requestsPerSecond }) => requestsPerSecond)),
            errors: [...alone, ...beside].reduce((sum, { errors }) => sum + errors, 0),
          },
        };
      }),
      bars: [],
    };
  },
};
