/** Debian's nginx with one worker process, configured as its users do: keep-alive, no access log. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  processTree,
  type Server,
  serverCore,
  startPinned,
  stopChild,
  whenListening,
} from "../lib/servers.ts";

/**
 * @param name unique in the run, names its folder
 * @param server what stands inside `server { … }`
 * @param http what stands beside it, upstreams
 */
export async function startNginx(
  folder: string,
  name: string,
  port: number,
  server: string,
  http = "",
  core = serverCore,
): Promise<Server> {
  const prefix = join(folder, `nginx-${name}`);
  mkdirSync(join(prefix, "tmp"), { recursive: true });
  const temporary = ["client_body", "proxy", "uwsgi", "fastcgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${prefix}/tmp/${kind};`,
  );
  writeFileSync(
    join(prefix, "nginx.conf"),
    `worker_processes 1;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
daemon off;
user root;
events { worker_connections 4096; }
http {
  access_log off;
  include /etc/nginx/mime.types;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s;
  ${temporary.join("\n  ")}
  ${http}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${server}
  }
}
`,
  );
  const child = startPinned(core, ["nginx", "-p", prefix, "-c", "nginx.conf"], prefix);
  await whenListening(port);
  return {
    name: "nginx",
    url: `http://127.0.0.1:${port}`,
    pids: () => processTree(child.pid ?? 0),
    [Symbol.asyncDispose]: () => stopChild(child),
  };
}
