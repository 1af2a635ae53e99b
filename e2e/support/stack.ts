/** A stack of a test's own: a folder with a config, the real command line, and nothing left afterwards. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { resolveStatePaths, type StatusData } from "@stack/control";
import {
  eventually,
  freePort,
  processesMentioning,
  signalIfAlive,
  tempFolder,
} from "@stack/testkit";

const cli = fileURLToPath(new URL("../../packages/cli/bin/stack.js", import.meta.url));

/** What starts the `stack` command, before its arguments. */
export const cliCommand: readonly [string, ...string[]] = [process.execPath, cli];

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Project extends AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly write: (file: string, text: string) => void;
  /** Runs `stack …` to its end in the project's folder. */
  readonly stack: (...args: readonly string[]) => Promise<CliResult>;
  readonly status: () => Promise<StatusData>;
  /** `stack up -d`, which must succeed. */
  readonly up: () => Promise<StatusData>;
  /** What is there although nothing of the stack should be: processes, sockets, locks. */
  readonly leftovers: () => readonly string[];
}

/**
 * @param config the object literal of deploy.config.ts, as text, given the port to listen on
 * @param files further files of the project, by relative path
 */
export async function createProject(
  config: (port: number) => string,
  files: Readonly<Record<string, string>> = {},
): Promise<Project> {
  const temporary = tempFolder();
  const folder = temporary.path;
  const port = await freePort();
  const write = (file: string, text: string): void => {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  write(
    "deploy.config.ts",
    `import { defineConfig } from "@stack/config";\nexport default defineConfig(${config(port)});\n`,
  );
  for (const [file, text] of Object.entries(files)) write(file, text);

  const stack = (...args: readonly string[]): Promise<CliResult> => runCli(args, folder);
  async function status(): Promise<StatusData> {
    const { stdout } = await stack("status", "--json");
    return (JSON.parse(stdout) as { readonly data: StatusData }).data;
  }
  return {
    folder,
    port,
    write,
    stack,
    status,
    async up() {
      const result = await stack("up", "-d");
      if (result.code !== 0) {
        throw new Error(`up -d: exit ${result.code}\n${result.stderr}\n${logs(folder)}`);
      }
      return status();
    },
    leftovers: () => leftovers(folder),
    async [Symbol.asyncDispose]() {
      await stack("down", "--now");
      for (const { pid } of processesMentioning(folder)) signalIfAlive(pid, "SIGKILL");
      await eventually(
        "the project's processes to end",
        () => processesMentioning(folder).length === 0,
      );
      temporary[Symbol.dispose]();
    },
  };
}

/** The `stack` command as a user's shell would start it, without waiting for its end. */
export function spawnCli(args: readonly string[], cwd: string): ReturnType<typeof spawn> {
  const [command, ...before] = cliCommand;
  return spawn(command, [...before, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
}

/** Runs `stack …` in a folder to its end. */
export function runCli(args: readonly string[], cwd: string): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawnCli(args, cwd);
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

function leftovers(folder: string): readonly string[] {
  const paths = resolveStatePaths(join(folder, "deploy.config.ts"));
  const files = [paths.lock, paths.control].filter((file) => existsSync(file));
  const sockets = existsSync(paths.run)
    ? readdirSync(paths.run, { recursive: true }).map((name) => join(paths.run, String(name)))
    : [];
  const processes = processesMentioning(folder).map(({ pid, command }) => `${pid} ${command}`);
  return [...files, ...sockets, ...processes];
}

function logs(folder: string): string {
  const { logs: logFolder } = resolveStatePaths(join(folder, "deploy.config.ts"));
  if (!existsSync(logFolder)) return "(no logs)";
  return readdirSync(logFolder)
    .map((name) => `--- ${name}\n${readFileSync(join(logFolder, name), "utf8").slice(-3000)}`)
    .join("\n");
}
