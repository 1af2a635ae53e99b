/** Our own stack, started as a user would: a config in a folder, `stack up -d`, `stack down`. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { StatusData } from "@stack/control";
import { freePort, processesMentioning } from "@stack/testkit";
import type { Bench } from "../lib/bench.ts";
import type { Certificate } from "../lib/certificate.ts";
import { processTree } from "../lib/proc.ts";
import { type Server, serverCore, urlOf } from "../lib/servers.ts";

export interface StackServer extends Server {
  readonly port: number;
  readonly status: () => StatusData;
  /** Runs `stack …` in its folder. */
  readonly stack: (...args: readonly string[]) => Promise<string>;
}

export interface StackOptions {
  readonly name?: string;
  readonly cores?: string;
  readonly certificate?: Certificate | undefined;
}

/** @param config the object literal of deploy.config.ts, as text, for a port to listen on */
export async function startStack(
  bench: Bench,
  config: (listen: string) => string,
  options: StackOptions = {},
): Promise<StackServer> {
  const project = await createProject(bench, config, options);
  await project.stack("up", "-d");
  return project;
}

/** As `startStack`, but not started yet. */
export async function createProject(
  bench: Bench,
  config: (listen: string) => string,
  options: StackOptions = {},
): Promise<StackServer> {
  const { name = "stack", cores = serverCore, certificate } = options;
  const cwd = mkdtempSync(join(bench.folder, "stack-"));
  const port = await freePort();
  const listen =
    certificate === undefined
      ? `"127.0.0.1:${port}"`
      : `{ address: "127.0.0.1:${port}", tls: { cert: "${certificate.cert}", key: "${certificate.key}" } }`;
  writeFileSync(
    join(cwd, "deploy.config.ts"),
    `import { defineConfig } from "@stack/config";\nexport default defineConfig(${config(listen)});\n`,
  );
  const command = ["-c", cores, process.execPath, cli];
  function stackNow(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync("taskset", [...command, ...args, "-C", cwd], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`stack ${args.join(" ")}: exit ${status}\n${stderr}`);
    return stdout;
  }
  const status = (): StatusData =>
    (JSON.parse(stackNow("status", "--json")) as { readonly data: StatusData }).data;
  let keeper: number | undefined;
  bench.use({
    async [Symbol.asyncDispose]() {
      spawnSync("taskset", [...command, "down", "-C", cwd]);
      for (const { pid } of processesMentioning(cwd)) process.kill(pid, "SIGKILL");
    },
  });
  return {
    name,
    url: urlOf(port, certificate !== undefined),
    port,
    status,
    async stack(...args) {
      const { stdout } = await promisify(execFile)("taskset", [...command, ...args, "-C", cwd]);
      return stdout;
    },
    pids() {
      keeper ??= status().processes.find(({ kind }) => kind === "keeper")?.pid ?? undefined;
      return keeper === undefined ? [] : processTree(keeper);
    },
  };
}

const cli = fileURLToPath(new URL("../../packages/cli/bin/stack.js", import.meta.url));
