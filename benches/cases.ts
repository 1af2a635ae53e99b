/** What is measured, and against whom. Ours comes first in every case. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@stack/testkit";
import { loadCore, type Server } from "./lib/servers.ts";
import { startNginx } from "./peers/nginx.ts";
import { startNginxGunicorn, startNginxUwsgi } from "./peers/python-servers.ts";
import { startStack } from "./peers/stack.ts";

export interface BenchCase {
  readonly title: string;
  readonly note: string;
  readonly path: string;
  readonly servers: readonly ((folder: string) => Promise<Server>)[];
  readonly bars: readonly { readonly peer: string; readonly must: number }[];
}

const apps = fileURLToPath(new URL("./apps", import.meta.url));
const workers = 2;

export const cases: readonly BenchCase[] = [
  {
    title: "proxy, keep-alive, HTTP upstream on a Unix socket",
    note: "The upstream is an nginx that answers 14 bytes from memory; only the proxy's time counts.",
    path: "/",
    servers: [proxyThroughStack, proxyThroughNginx],
    bars: [{ peer: "nginx", must: 1.6 }],
  },
  staticFile("1 KB static file", 1024, [{ peer: "nginx", must: 1.3 }]),
  staticFile("64 KB static file", 65_536, []),
  pythonChain("hello WSGI", "hello:application", [{ peer: "nginx + gunicorn", must: 0.45 }]),
  pythonChain("Flask JSON", "flask_json:application", []),
];

async function proxyThroughStack(folder: string): Promise<Server> {
  const upstream = await startUpstream(folder, "for-stack");
  const port = await freePort();
  const config = `{ name: "bench", redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 1, accessLog: false, routes: [{ path: "/*", upstream: "up" }] },
  upstreams: { up: { servers: ["unix:${upstream.socket}"] } } }`;
  return withUpstream(startStack(folder, "proxy", port, config), upstream.server);
}

async function proxyThroughNginx(folder: string): Promise<Server> {
  const upstream = await startUpstream(folder, "for-nginx");
  const port = await freePort();
  const nginx = await startNginx(
    folder,
    "proxy",
    port,
    'location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }',
    `upstream up { server unix:${upstream.socket}; keepalive 64; keepalive_requests 100000000; }`,
  );
  return withUpstream(nginx, upstream.server);
}

/** An nginx of its own for each proxy, so that neither warms up for the other. */
async function startUpstream(
  folder: string,
  name: string,
): Promise<{ readonly socket: string; readonly server: Server }> {
  const socket = join(folder, `upstream-${name}.sock`);
  const port = await freePort();
  const answer = `listen unix:${socket}; location / { default_type text/plain; return 200 "Hello, World!\\n"; }`;
  return { socket, server: await startNginx(folder, name, port, answer, "", loadCore) };
}

/** The upstream lives and ends with the proxy before it, but its time does not count. */
function withUpstream(proxy: Server, upstream: Server): Server {
  return {
    ...proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

function staticFile(title: string, bytes: number, bars: BenchCase["bars"]): BenchCase {
  const writeFile = (folder: string): void =>
    writeFileSync(join(folder, "file.bin"), Buffer.alloc(bytes, "x"));
  async function ours(folder: string): Promise<Server> {
    writeFile(folder);
    const port = await freePort();
    const config = `{ name: "bench", redis: false, edge: { listen: ["127.0.0.1:${port}"], threads: 1, accessLog: false,
  routes: [{ path: "/*", static: { root: ${JSON.stringify(folder)} } }] } }`;
    return startStack(folder, "static", port, config);
  }
  async function nginx(folder: string): Promise<Server> {
    writeFile(folder);
    return startNginx(folder, "static", await freePort(), `root ${folder};`);
  }
  const note = "One file, the same for both; nginx with sendfile and open_file_cache.";
  return { title, note, path: "/file.bin", servers: [ours, nginx], bars };
}

function pythonChain(title: string, app: string, bars: BenchCase["bars"]): BenchCase {
  async function ours(folder: string): Promise<Server> {
    const port = await freePort();
    const config = `{ name: "bench", redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 1, accessLog: false, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", cwd: ${JSON.stringify(apps)}, app: "${app}", workers: ${workers}, python: "/usr/bin/python3" } } }`;
    return startStack(folder, "python", port, config);
  }
  return {
    title,
    note: `${workers} workers each; the time of every process of the chain counts.`,
    path: "/",
    servers: [
      ours,
      async (folder) => startNginxGunicorn(folder, await freePort(), { cwd: apps, app, workers }),
      async (folder) => startNginxUwsgi(folder, await freePort(), { cwd: apps, app, workers }),
    ],
    bars,
  };
}
