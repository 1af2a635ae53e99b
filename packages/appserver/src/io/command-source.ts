/**
 * The one worker of a `command` app: any HTTP server that listens on the PORT it is given. It knows
 * nothing of us, so a shell in its process group watches over it: when we die, the pipe between us
 * ends, and the guard ends the group as a drain would.
 */
import { connect, createServer } from "node:net";
import type { ErrorReport } from "@stack/base";
import type { AppPlan } from "@stack/config";
import { cannotStart, type SpawnedChild, spawnChild } from "@stack/process";
import { appEnvironment, describeSpawnFailure } from "./app-environment.ts";
import type {
  LaunchedWorker,
  LaunchSpec,
  SourceContext,
  WorkerEvents,
  WorkerSource,
} from "./worker-source.ts";

export type CommandPlan = Extract<AppPlan, { kind: "command" }>;

const capacity = 100;
const host = "127.0.0.1";
const connectEveryMs = 50;
/**
 * The guard has no parent but init, so that the command sees no child it did not make. Descriptor 3
 * is the pipe; the command itself does not get it.
 */
const guarded = [
  'grace="$1"; shift',
  "( ( trap '' TERM; read -r _ <&3; kill -TERM -$$; " +
    'n=0; while kill -0 $$ && [ $n -lt "$grace" ]; do sleep 1; n=$((n+1)); done; ' +
    "kill -KILL -$$ ) </dev/null >/dev/null 2>&1 & )",
  'exec 3<&-; exec "$@"',
].join("\n");

/** Exit codes with which the shell says that it could not run the command. */
const shellReasons: ReadonlyMap<number, string> = new Map([
  [126, "it is not executable"],
  [127, "there is no such program"],
]);

export function createCommandSource(plan: CommandPlan, context: SourceContext): WorkerSource {
  return {
    start: () => Promise.resolve(),
    launch: (spec, events) => launchCommand(plan, context, spec, events),
    onLost: () => {},
    close: () => Promise.resolve(),
  };
}

function launchCommand(
  plan: CommandPlan,
  context: SourceContext,
  spec: LaunchSpec,
  events: WorkerEvents,
): LaunchedWorker {
  let child: SpawnedChild | undefined;
  let wanted: "SIGTERM" | "SIGKILL" | undefined;

  async function run(): Promise<void> {
    const port = await freePort();
    const command = plan.command.map((part) => part.replaceAll("{port}", String(port)));
    const graceSeconds = Math.ceil(plan.drainTimeoutMs / 1000);
    child = await spawnChild({
      command: ["/bin/sh", "-c", guarded, "stack-guard", String(graceSeconds), ...command],
      cwd: plan.cwd,
      env: { ...appEnvironment(plan, context, spec.id), PORT: String(port), HOST: host },
      stdout: "inherit",
      stderr: "inherit",
      extra: ["pipe"],
    });
    const [pipe] = child.pipes;
    pipe?.on("error", () => {});
    pipe?.resume();
    events.started(child.pid);
    if (wanted !== undefined) child.signal(wanted);
    let over = false;
    let listened = false;
    void untilListening(port, () => over).then((listening) => {
      listened = listening;
      if (listening) events.listening({ protocol: "http", address: `${host}:${port}`, capacity });
    });
    const status = await child.exited;
    over = true;
    child.signal("SIGKILL"); // the guard, and what the command may have left behind
    const reason = listened ? undefined : shellReasons.get(status.code ?? 0);
    if (reason !== undefined) events.failed(notStarted(reason));
    events.exited(status);
  }

  function notStarted(reason: string, cause?: unknown): ErrorReport {
    const { name: app, place } = plan;
    const command = `"${plan.command.join(" ")}"`;
    return cannotStart({ name: app, what: command, reason, key: `apps.${app}`, place }, cause)
      .report;
  }

  run().catch((cause: Error) => {
    events.failed(notStarted(describeSpawnFailure(cause, plan.cwd), cause));
    events.exited({ code: null, signal: null });
  });

  function signal(name: "SIGTERM" | "SIGKILL"): void {
    wanted = name;
    child?.signal(name);
  }

  return { drain: () => signal("SIGTERM"), signal };
}

async function untilListening(port: number, over: () => boolean): Promise<boolean> {
  while (!over()) {
    if (await accepts(port)) return !over();
    await new Promise((resolve) => setTimeout(resolve, connectEveryMs));
  }
  return false;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("the system gave no free port"));
      });
    });
  });
}
