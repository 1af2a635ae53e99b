/** gunicorn, uWSGI and uvicorn, each behind nginx as its own documentation puts it there. */
import { join } from "node:path";
import type { Bench } from "../lib/bench.ts";
import { processTree } from "../lib/proc.ts";
import { type Server, startProgram } from "../lib/servers.ts";
import { keptUpstream, proxyLocation, startNginx } from "./nginx.ts";

export interface PythonApp {
  /** Folder of the module. */
  readonly cwd: string;
  /** "hello:application" */
  readonly app: string;
  readonly workers: number;
}

export const debianPython = "/usr/bin/python3";

/** Its sync workers close every connection; nginx opens one for each request. */
export async function startGunicornSync(bench: Bench, app: PythonApp): Promise<Server> {
  const socket = join(bench.folder, "gunicorn-sync.sock");
  const pid = await startGunicorn(bench, app, socket, ["-k", "sync"]);
  const location = `location / {
      proxy_pass http://app;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }`;
  const upstream = `upstream app { server unix:${socket}; }`;
  return behindNginx(bench, "nginx + gunicorn sync", pid, location, upstream);
}

export async function startGunicornThreads(bench: Bench, app: PythonApp): Promise<Server> {
  const socket = join(bench.folder, "gunicorn-gthread.sock");
  const options = ["-k", "gthread", "--threads", "4", "--keep-alive", "75"];
  const pid = await startGunicorn(bench, app, socket, options);
  const upstream = keptUpstream(socket);
  return behindNginx(bench, "nginx + gunicorn gthread", pid, proxyLocation, upstream);
}

export async function startUwsgi(bench: Bench, app: PythonApp): Promise<Server> {
  const socket = join(bench.folder, "uwsgi.sock");
  const command = ["uwsgi", "--plugin", "python3", "--master", "--processes", String(app.workers)];
  const quiet = ["--disable-logging", "--need-app", "--module", app.app];
  const pid = await startProgram(bench, {
    name: "uWSGI",
    command: [...command, "--socket", socket, ...quiet],
    cwd: app.cwd,
    listensOn: socket,
    stopSignal: "SIGQUIT", // it reloads on SIGTERM
  });
  const location = "location / { include /etc/nginx/uwsgi_params; uwsgi_pass app; }";
  const upstream = `upstream app { server unix:${socket}; }`;
  return behindNginx(bench, "nginx + uWSGI", pid, location, upstream);
}

export async function startUvicorn(bench: Bench, app: PythonApp): Promise<Server> {
  const socket = join(bench.folder, "uvicorn.sock");
  const loop = ["--loop", "uvloop", "--http", "httptools", "--no-access-log"];
  const lifetimes = ["--log-level", "warning", "--timeout-keep-alive", "75"];
  const workers = ["--workers", String(app.workers)];
  const pid = await startProgram(bench, {
    name: "uvicorn",
    command: [
      ...[debianPython, "-m", "uvicorn", "--uds", socket],
      ...[...workers, ...loop, ...lifetimes, app.app],
    ],
    cwd: app.cwd,
    listensOn: socket,
  });
  return behindNginx(bench, "nginx + uvicorn", pid, proxyLocation, keptUpstream(socket));
}

/** @param listensOn a Unix socket or a port */
export function startGunicorn(
  bench: Bench,
  { cwd, app, workers }: PythonApp,
  listensOn: string | number,
  options: readonly string[],
): Promise<number> {
  const bind = typeof listensOn === "number" ? `127.0.0.1:${listensOn}` : `unix:${listensOn}`;
  const command = ["/usr/bin/gunicorn", "-w", String(workers), "-b", bind, ...options, app];
  return startProgram(bench, { name: "gunicorn", command, cwd, listensOn });
}

async function behindNginx(
  bench: Bench,
  name: string,
  pid: number,
  server: string,
  http: string,
): Promise<Server> {
  const nginx = await startNginx(bench, { server, http });
  return { name, url: nginx.url, pids: () => [...nginx.pids(), ...processTree(pid)] };
}
