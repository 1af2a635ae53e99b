/** Workers of a Node app: one process each, running `bin/node-worker.js`, with an IPC channel to us. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AppPlan } from "@stack/config";
import { cannotStart, type SpawnedChild, spawnChild } from "@stack/process";
import { importError } from "../core/import-failure.ts";
import { workerSocketName } from "../core/names.ts";
import type { ArbiterToNodeWorker, NodeWorkerToArbiter } from "../core/node-worker-messages.ts";
import { hasOtherEdge } from "../core/plan-change.ts";
import { appEnvironment, describeSpawnFailure } from "./app-environment.ts";
import { nodeWorkerEntry } from "./entries.ts";
import { inspectable, inspectNode } from "./inspect-node.ts";
import type {
  LaunchedWorker,
  LaunchSpec,
  SourceContext,
  WorkerEvents,
  WorkerSource,
} from "./worker-source.ts";

export type NodePlan = Extract<AppPlan, { kind: "node" }>;

/** Requests one worker takes at once: an event loop has no limit of its own, memory has. */
const capacity = 100;

/** Node takes types away by itself; enums and the like it has to transform, which it calls an experiment. */
function typeFlags(entry: string): readonly string[] {
  if (!/\.[cm]?ts$/.test(entry)) return [];
  return ["--experimental-transform-types", "--disable-warning=ExperimentalWarning"];
}

export function createNodeSource(plan: NodePlan, context: SourceContext): WorkerSource {
  return {
    start: () => Promise.resolve(),
    launch: (spec, events) => launchNodeWorker(plan, context, spec, events),
    onLost: () => {},
    close: () => Promise.resolve(),
  };
}

function launchNodeWorker(
  plan: NodePlan,
  context: SourceContext,
  spec: LaunchSpec,
  events: WorkerEvents,
): LaunchedWorker {
  const { name } = context;
  const socket = join(
    context.folder,
    workerSocketName(name.instance, context.generation, spec.serial),
  );
  let child: SpawnedChild | undefined;
  let wanted: "SIGTERM" | "SIGKILL" | undefined;

  async function run(): Promise<void> {
    child = await spawnChild({
      command: [
        process.execPath,
        ...["--enable-source-maps", inspectable],
        ...typeFlags(plan.entry),
        nodeWorkerEntry,
      ],
      cwd: plan.cwd,
      env: appEnvironment(plan, context, spec.id),
      stdout: "inherit",
      stderr: "inherit",
      ...(plan.user === undefined ? {} : { user: plan.user }),
      extra: ["ipc"],
    });
    events.started(child.pid);
    child.onMessage = (message) => onMessage(message as NodeWorkerToArbiter);
    tell({
      ...{ type: "start" as const, id: spec.id, entry: plan.entry, args: plan.args ?? [], socket },
      ...(plan.umask === undefined ? {} : { umask: plan.umask }),
      shared: hasOtherEdge(plan),
    });
    if (wanted !== undefined) child.signal(wanted);
    const status = await child.exited;
    child.signal("SIGKILL"); // what it may have left in its process group
    rmSync(socket, { force: true });
    events.exited(status);
  }

  function onMessage(message: NodeWorkerToArbiter): void {
    switch (message.type) {
      case "listening":
        events.listening({
          protocol: "http",
          address: `unix:${socket}`,
          capacity,
          keepsConnections: true,
        });
        return;
      case "import-failed": {
        const app = { name: plan.name, cwd: plan.cwd, target: plan.entry, place: plan.place };
        events.failed(importError({ ...app, key: "entry" }, message.failure).report);
        return;
      }
      case "pong":
        events.pong();
        return;
      case "leaving":
        events.leaving(message.reason);
        return;
      default:
    }
  }

  function tell(message: ArbiterToNodeWorker): void {
    child?.send(message);
  }

  run().catch((cause: Error) => {
    const { name: app, place } = plan;
    const reason = describeSpawnFailure(cause, plan.cwd);
    events.failed(
      cannotStart({ name: app, what: plan.entry, reason, key: `apps.${app}`, place }, cause).report,
    );
    events.exited({ code: null, signal: null });
  });

  return {
    drain: (deadlineMs) => tell({ type: "drain", deadlineMs }),
    ping: () => tell({ type: "ping" }),
    // A loop that turns has no frames to show.
    readStacks: async (spared) => (child === undefined || spared ? [] : inspectNode(child.pid)),
    signal(signal) {
      wanted = signal;
      child?.signal(signal);
    },
  };
}
