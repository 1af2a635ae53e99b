/**
 * The one worker of a `command` app: any HTTP server that listens on the PORT or the socket it is
 * given. It knows nothing of us, so a shell in its process group watches over it: when we die, the pipe between us
 * ends, and the guard ends the group as a drain would.
 */
import { rmSync } from "node:fs";
import { connect, createServer, type NetConnectOpts } from "node:net";
import { join } from "node:path";
import type { ErrorReport } from "@stack/base";
import type { AppPlan } from "@stack/config";
import { cannotStart, followLogs, type SpawnedChild, spawnChild } from "@stack/process";
import { instanceLabel, workerSocketName } from "../core/names.ts";
import { hasOtherEdge } from "../core/plan-change.ts";
import { appEnvironment, describeSpawnFailure } from "./app-environment.ts";
import { openToGroup } from "./open-to-group.ts";
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
  'grace="$1"; umask "$2"; shift 2',
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
    const place = await findPlace(plan, context, spec);
    const command = plan.command.map((part) =>
      part.replaceAll("{port}", String(place.port)).replaceAll("{socket}", place.socket),
    );
    const over = new AbortController();
    const said = hasSaid(plan, context, over.signal); // from before its first line
    const umask = (plan.umask ?? process.umask()).toString(8).padStart(3, "0");
    const graceSeconds = Math.ceil(plan.drainTimeoutMs / 1000);
    child = await spawnChild({
      command: ["/bin/sh", "-c", guarded, "stack-guard", String(graceSeconds), umask, ...command],
      cwd: plan.cwd,
      env: { ...appEnvironment(plan, context, spec.id), ...place.env },
      stdout: "inherit",
      stderr: "inherit",
      ...(plan.user === undefined ? {} : { user: plan.user }),
      extra: ["pipe"],
    });
    const [pipe] = child.pipes;
    pipe?.on("error", () => {});
    pipe?.resume();
    events.started(child.pid);
    if (wanted !== undefined) child.signal(wanted);
    let listened = false;
    void untilListening(place.target, over.signal).then(async () => {
      listened = true;
      if (hasOtherEdge(plan)) openToGroup(place.socket, plan.user?.uid ?? process.getuid?.() ?? 0);
      await said;
      if (!over.signal.aborted) {
        events.listening({ protocol: "http", address: place.address, capacity });
      }
    });
    const status = await child.exited;
    over.abort();
    child.signal("SIGKILL"); // the guard, and what the command may have left behind
    rmSync(place.socket, { force: true });
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

interface Place {
  readonly target: NetConnectOpts;
  /** As edges are told. */
  readonly address: string;
  readonly port: number;
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A socket for a command that asks for one; else a free port. */
async function findPlace(
  plan: CommandPlan,
  context: SourceContext,
  spec: LaunchSpec,
): Promise<Place> {
  const { name, folder, generation } = context;
  const socket = join(folder, workerSocketName(name.instance, generation, spec.serial));
  if (plan.command.some((part) => part.includes("{socket}"))) {
    return { target: { path: socket }, address: `unix:${socket}`, port: 0, socket, env: {} };
  }
  const port = await freePort();
  const env = { PORT: String(port), HOST: host };
  return { target: { host, port }, address: `${host}:${port}`, port, socket, env };
}

/** Resolves when its output has had the line it is to be ready with; at once when it needs none. */
function hasSaid(
  { readyLog, logs }: CommandPlan,
  { name }: SourceContext,
  over: AbortSignal,
): Promise<void> {
  if (readyLog === undefined || logs === undefined) return Promise.resolve();
  const done = new AbortController();
  return new Promise((resolve) => {
    const watch = { folder: logs, names: [instanceLabel(name)] };
    const isIt = ({ text }: { readonly text: string }): boolean => text.includes(readyLog);
    followLogs(
      watch,
      (lines) => {
        if (!lines.some(isIt)) return;
        done.abort();
        resolve();
      },
      AbortSignal.any([over, done.signal]),
    );
  });
}

/** Never, when it is over first. */
async function untilListening(target: NetConnectOpts, over: AbortSignal): Promise<void> {
  while (!(await accepts(target))) {
    await new Promise((resolve) => setTimeout(resolve, connectEveryMs));
    if (over.aborted) return new Promise(() => {});
  }
}

function accepts(target: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(target);
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
