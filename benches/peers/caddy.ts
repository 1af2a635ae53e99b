/** Debian's Caddy, as its documentation sets it up; Go uses the cores it sees. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "@stack/testkit";
import type { Bench } from "../lib/bench.ts";
import type { Certificate } from "../lib/certificate.ts";
import { type Server, serverCore, startServer } from "../lib/servers.ts";

/** @param directives what stands in the site block */
export async function startCaddy(
  bench: Bench,
  directives: string,
  cores: string = serverCore,
  certificate?: Certificate,
): Promise<Server> {
  const name = "Caddy";
  const port = await freePort();
  const file = join(bench.folder, `Caddyfile-${port}`);
  writeFileSync(
    file,
    `{
  admin off
  auto_https off
}
${certificate === undefined ? "http://" : "https://localhost"}:${port} {
  bind 127.0.0.1
  ${certificate === undefined ? "" : `tls ${certificate.cert} ${certificate.key}`}
  ${directives}
}
`,
  );
  // Its own state goes to the home folder.
  const home = ["env", `HOME=${bench.folder}`, `XDG_CONFIG_HOME=${bench.folder}`];
  const command = [...home, "caddy", "run", "--config", file, "--adapter", "caddyfile"];
  const isTls = certificate !== undefined;
  return startServer(bench, { name, command, cwd: bench.folder, cores, listensOn: port, isTls });
}
