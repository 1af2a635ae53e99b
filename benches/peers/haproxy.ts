/** Debian's HAProxy as a reverse proxy: a thread for each core it gets, connections kept and shared on both sides. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@stack/testkit";
import type { Bench } from "../lib/bench.ts";
import type { Certificate } from "../lib/certificate.ts";
import { coresIn, type Server, serverCore, startServer } from "../lib/servers.ts";

export async function startHaproxy(
  bench: Bench,
  socket: string,
  cores: string = serverCore,
  certificate?: Certificate,
): Promise<Server> {
  const name = "HAProxy";
  const port = await freePort();
  const file = join(bench.folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  nbthread ${coresIn(cores)}
  maxconn 8192
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend public
  bind 127.0.0.1:${port} ${certificate === undefined ? "" : `ssl crt ${certificate.both} alpn h2,http/1.1`}
  default_backend app
backend app
  server one unix@${socket} pool-max-conn 64
`,
  );
  const command = ["haproxy", "-db", "-f", file];
  const isTls = certificate !== undefined;
  return startServer(bench, { name, command, cwd: bench.folder, cores, listensOn: port, isTls });
}
