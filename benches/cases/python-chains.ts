/** The whole chain from the client's connection to a Python application and back. */
import type { Bench, BenchCase } from "../lib/bench.ts";
import { compareUnderLoad, cpuBar, loadColumns } from "../lib/compare.ts";
import type { Bar } from "../lib/section.ts";
import type { Server } from "../lib/servers.ts";
import {
  debianPython,
  type PythonApp,
  startGunicornSync,
  startGunicornThreads,
  startUvicorn,
  startUwsgi,
} from "../peers/python-servers.ts";
import { startStack } from "../peers/stack.ts";
import { appsFolder } from "./apps-folder.ts";

interface Chain {
  readonly name: string;
  readonly work: string;
  readonly kind: "wsgi" | "asgi";
  readonly app: string;
  readonly peers: readonly ((bench: Bench, app: PythonApp) => Promise<Server>)[];
  readonly bars: readonly Pick<Bar, "peer" | "must" | "aim">[];
}

const workers = 2;
const wsgiPeers = [startGunicornSync, startGunicornThreads, startUwsgi];

export const helloWsgi = pythonChain({
  name: "wsgi",
  work: "hello WSGI, whole chain",
  kind: "wsgi",
  app: "hello:application",
  peers: wsgiPeers,
  bars: [
    { peer: "nginx + gunicorn sync", must: 0.4, aim: 0.25 },
    { peer: "nginx + uWSGI", must: 1.25, aim: 0.95 },
  ],
});
export const flaskJson = pythonChain({
  name: "flask",
  work: "Flask JSON, whole chain",
  kind: "wsgi",
  app: "flask_json:application",
  peers: wsgiPeers,
  bars: [
    { peer: "nginx + gunicorn sync", must: 0.6, aim: 0.45 },
    { peer: "nginx + uWSGI", must: 1.1, aim: 0.9 },
  ],
});
export const helloAsgi = pythonChain({
  name: "asgi",
  work: "hello ASGI, whole chain",
  kind: "asgi",
  app: "hello_asgi:application",
  peers: [startUvicorn],
  bars: [{ peer: "nginx + uvicorn", must: 1.15, aim: 0.9 }],
});

function pythonChain({ name, work, kind, app, peers, bars }: Chain): BenchCase {
  return {
    name,
    async run(bench) {
      const ours = await startStack(
        bench,
        (listen) => `{ name: "bench", redis: false,
  edge: { listen: [${listen}], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "${kind}", cwd: ${JSON.stringify(appsFolder)}, app: "${app}", workers: ${workers}, python: "${debianPython}" } } }`,
      );
      const servers: Server[] = [ours];
      for (const start of peers)
        servers.push(await start(bench, { cwd: appsFolder, app, workers }));
      const compared = await compareUnderLoad(bench, servers, { path: "/" });
      return {
        title: work,
        note: `${workers} workers each; the time of every process of the chain counts.`,
        columns: loadColumns,
        rows: compared.rows,
        bars: bars.map((bar) => cpuBar(compared, { work, ...bar })),
      };
    },
  };
}
