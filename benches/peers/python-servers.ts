/** gunicorn and uWSGI behind nginx, each as its documentation puts it there. */
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { processTree, type Server, serverCore, startPinned, stopChild } from "../lib/servers.ts";
import { startNginx } from "./nginx.ts";

export interface PythonApp {
  /** Folder of the module. */
  readonly cwd: string;
  /** "hello:application" */
  readonly app: string;
  readonly workers: number;
}

export async function startNginxGunicorn(
  folder: string,
  port: number,
  app: PythonApp,
): Promise<Server> {
  const socket = join(folder, `gunicorn-${port}.sock`);
  const command = ["/usr/bin/gunicorn", "-k", "sync", "-w", String(app.workers)];
  const child = startPinned(serverCore, [...command, "-b", `unix:${socket}`, app.app], app.cwd);
  const upstream = `upstream app { server unix:${socket}; }`;
  const proxy =
    "location / { proxy_pass http://app; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; }";
  return behindNginx("nginx + gunicorn", folder, port, child, socket, proxy, upstream);
}

export async function startNginxUwsgi(
  folder: string,
  port: number,
  app: PythonApp,
): Promise<Server> {
  const socket = join(folder, `uwsgi-${port}.sock`);
  const command = ["uwsgi", "--plugin", "python3", "--master", "--processes", String(app.workers)];
  const quiet = ["--disable-logging", "--need-app", "--module", app.app];
  const child = startPinned(serverCore, [...command, "--socket", socket, ...quiet], app.cwd);
  const pass = "location / { include /etc/nginx/uwsgi_params; uwsgi_pass app; }";
  const upstream = `upstream app { server unix:${socket}; }`;
  return behindNginx("nginx + uWSGI", folder, port, child, socket, pass, upstream);
}

async function behindNginx(
  name: string,
  folder: string,
  port: number,
  child: ChildProcess,
  socket: string,
  location: string,
  upstream: string,
): Promise<Server> {
  const end = performance.now() + 15_000;
  while (!existsSync(socket)) {
    if (performance.now() > end) throw new Error(`${name}: no socket after 15 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const nginx = await startNginx(folder, `${port}`, port, location, upstream);
  return {
    name,
    url: nginx.url,
    pids: () => [...nginx.pids(), ...processTree(child.pid ?? 0)],
    async [Symbol.asyncDispose]() {
      await nginx[Symbol.asyncDispose]();
      child.kill(name.includes("uWSGI") ? "SIGQUIT" : "SIGTERM"); // uWSGI reloads on SIGTERM
      await stopChild(child);
    },
  };
}
