/** Our own stack, started as a user would: a config in a folder, `stack up -d`, `stack down`. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StatusData } from "@stack/control";
import { type Server, serverCore } from "../lib/servers.ts";

const cli = fileURLToPath(new URL("../../packages/cli/bin/stack.js", import.meta.url));

/** @param config the object literal of deploy.config.ts, as text */
export function startStack(folder: string, name: string, port: number, config: string): Server {
  const cwd = join(folder, `stack-${name}`);
  mkdirSync(cwd, { recursive: true });
  writeFileSync(
    join(cwd, "deploy.config.ts"),
    `import { defineConfig } from "@stack/config";\nexport default defineConfig(${config});\n`,
  );
  const stack = (...args: readonly string[]): string =>
    execFileSync("taskset", ["-c", String(serverCore), process.execPath, cli, ...args, "-C", cwd], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
  stack("up", "-d");
  return {
    name: "stack",
    url: `http://127.0.0.1:${port}`,
    pids() {
      const { data } = JSON.parse(stack("status", "--json")) as { readonly data: StatusData };
      const workers = data.apps.flatMap((app) => app.workers.map((worker) => worker.pid));
      const processes = data.processes.map((process) => process.pid);
      return [...processes, ...workers].filter((pid) => pid !== null);
    },
    async [Symbol.asyncDispose]() {
      stack("down");
    },
  };
}
