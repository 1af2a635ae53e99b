/** `stack serve` for the length of a test, and the nginx in front of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  eventually,
  freePort,
  processesMentioning,
  signalIfAlive,
  tempFolder,
} from "@stack/testkit";
import { type CliResult, cliCommand, runCli } from "./stack.ts";

export interface Workplace extends AsyncDisposable {
  readonly folder: string;
  readonly write: (file: string, text: string) => void;
  /** Runs `stack …` to its end there. */
  readonly stack: (...args: readonly string[]) => Promise<CliResult>;
  /** `stack serve …`, until it says that it is ready. */
  readonly serve: (...args: readonly string[]) => Promise<Served>;
  /** nginx with this in its `server`; resolves with its port when it answers. */
  readonly nginx: (server: string) => Promise<number>;
  /** Any other server of another make; resolves when `isUp`. */
  readonly run: (
    command: string,
    args: readonly string[],
    isUp: () => boolean | Promise<boolean>,
  ) => Promise<void>;
}

interface Served {
  readonly output: () => string;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly exited: Promise<number | null>;
}

export function createWorkplace(files: Readonly<Record<string, string>>): Workplace {
  const temporary = tempFolder();
  const folder = temporary.path;
  const ends: (() => Promise<void>)[] = [];

  const write = (file: string, text: string): void => {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  for (const [file, text] of Object.entries(files)) write(file, text);

  function start(command: string, args: readonly string[]): Served & { hasEnded: () => boolean } {
    const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const exited = once(child, "exit").then(([code]) => code as number | null);
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    ends.push(async () => {
      if (hasEnded()) return;
      child.kill("SIGTERM");
      await exited;
    });
    return {
      output: () => output,
      signal: (signal) => void child.kill(signal),
      exited,
      hasEnded,
    };
  }

  async function run(
    command: string,
    args: readonly string[],
    isUp: () => boolean | Promise<boolean>,
  ): Promise<void> {
    const peer = start(command, args);
    await eventually(`${command} to be up`, async () => peer.hasEnded() || (await isUp()), 30_000);
    if (peer.hasEnded()) throw new Error(`${command} has ended: ${peer.output()}`);
  }

  return {
    folder,
    write,
    run,
    stack: (...args) => runCli(args, folder),
    async serve(...args) {
      const [command = "", ...before] = cliCommand;
      const served = start(command, [...before, "serve", ...args]);
      await eventually(
        "stack serve to be ready",
        () => served.hasEnded() || /^ready in /m.test(served.output()),
        150_000,
      );
      if (served.hasEnded()) throw new Error(`stack serve has ended: ${served.output()}`);
      return served;
    },
    async nginx(server) {
      const port = await freePort();
      write("nginx/nginx.conf", nginxConfig(join(folder, "nginx"), port, server));
      const args = ["-p", join(folder, "nginx"), "-c", join(folder, "nginx/nginx.conf")];
      await run("/usr/sbin/nginx", [...args, "-e", join(folder, "nginx/error.log")], () =>
        answers(port),
      );
      return port;
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends.reverse()) await end();
      for (const { pid } of processesMentioning(folder)) signalIfAlive(pid, "SIGKILL");
      await eventually("all processes to end", () => processesMentioning(folder).length === 0);
      temporary[Symbol.dispose]();
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/nginx-is-up`);
    return true;
  } catch {
    return false;
  }
}

function nginxConfig(folder: string, port: number, server: string): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/temp-${name};`)
    .join("\n  ");
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  ${temp}
  client_max_body_size 20m;
  keepalive_requests 100000;
  server {
    listen 127.0.0.1:${port};
    server_name front.test;
    location = /nginx-is-up { return 204; }
    ${server}
  }
}
`;
}
