/**
 * Debian's nginx with one worker process, if not told otherwise, configured as its users tune it:
 * keep-alive on both sides, sendfile, an open file cache, no access log (ours writes none either).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@stack/testkit";
import type { Bench } from "../lib/bench.ts";
import type { Certificate } from "../lib/certificate.ts";
import { type Server, serverCore, startServer } from "../lib/servers.ts";

export interface NginxOptions {
  /** What stands inside `server { … }`. */
  readonly server: string;
  /** What stands beside it, upstreams. */
  readonly http?: string;
  readonly name?: string;
  readonly cores?: string;
  /** Worker processes. */
  readonly workers?: number;
  /** It speaks TLS, and HTTP/2 to those who ask for it. */
  readonly certificate?: Certificate | undefined;
}

export async function startNginx(bench: Bench, options: NginxOptions): Promise<Server> {
  const { server, http = "", name = "nginx", cores = serverCore, workers = 1 } = options;
  const { certificate } = options;
  const port = await freePort();
  const prefix = join(bench.folder, `nginx-${port}`);
  mkdirSync(join(prefix, "tmp"), { recursive: true });
  const temporary = ["client_body", "proxy", "uwsgi", "fastcgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${prefix}/tmp/${kind};`,
  );
  writeFileSync(
    join(prefix, "nginx.conf"),
    `worker_processes ${workers};
worker_rlimit_nofile 20000;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
daemon off;
user root;
events { worker_connections 16384; }
http {
  access_log off;
  include /etc/nginx/mime.types;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  open_file_cache max=1000 inactive=60s;
  open_file_cache_valid 60s;
  ${temporary.join("\n  ")}
  ${http}
  server {
    listen 127.0.0.1:${port} ${certificate === undefined ? "" : "ssl http2"} backlog=4096;
    ${certificate === undefined ? "" : `ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};`}
    ${server}
  }
}
`,
  );
  const command = ["nginx", "-p", prefix, "-c", "nginx.conf", "-e", "error.log"];
  const isTls = certificate !== undefined;
  return startServer(bench, { name, command, cwd: prefix, cores, listensOn: port, isTls });
}

/** What nginx says to an HTTP server behind it, as its documentation has it, with kept connections. */
export const proxyLocation = `location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }`;

export function keptUpstream(socket: string): string {
  return `upstream app { server unix:${socket}; keepalive 64; keepalive_requests 100000000; }`;
}
