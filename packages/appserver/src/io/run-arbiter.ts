/**
 * The arbiter: parent of one instance's processes, between stackd, which says what is wanted, and
 * the edges, which are told who can take requests. It works on while stackd is away.
 */
import { assertNever, type ErrorReport, type Logger, reportOf } from "@stack/base";
import type { AppPlan } from "@stack/config";
import {
  type ArbiterSignal,
  type ArbiterToStackd,
  canaryName,
  controlVersion,
  edgeFolder,
  type Hello,
  openReconnectingPeer,
  type StackdToArbiter,
} from "@stack/control";
import type { InstanceName } from "../core/names.ts";
import { type EdgeLinks, openEdgeLinks } from "./edge-links.ts";
import { createInstance } from "./instance.ts";
import { openInstanceFolder } from "./instance-folder.ts";
import { openWorkersControl } from "./workers-control.ts";

export interface ArbiterOptions {
  /** Path of control.sock. */
  readonly control: string;
  /** The run folder. */
  readonly run: string;
  readonly app: string;
  readonly instance: number;
  readonly log: Logger;
  /** Calls back for every signal from outside. */
  readonly onSignal: (act: (signal: ArbiterSignal) => void) => void;
}

/** Resolves when it was told to drain, and nothing of the instance is left. */
export async function runArbiter(options: ArbiterOptions): Promise<void> {
  const { app, log } = options;
  const name = { app, instance: options.instance };
  using folder = openInstanceFolder(options.run, app, options.instance);
  using control = await openWorkersControl(folder.control);
  const openEdges = (known: InstanceName): EdgeLinks =>
    openEdgeLinks({
      folder: edgeFolder(options.run),
      name: known,
      log,
      onStuck: (key, late) => instance.onStuck(key, late),
    });
  using edges = openEdges(name);
  const untold: ArbiterSignal[] = [];
  const over = Promise.withResolvers<void>();
  const { nextSerial, path } = folder;
  const openCanary = (): EdgeLinks => openEdges({ ...name, app: canaryName(app) });
  const instance = createInstance({
    name,
    folder: path,
    control,
    edges,
    openCanary,
    giveFolderTo: folder.giveTo,
    nextSerial,
    log,
    changed,
  });

  using stackd = openReconnectingPeer<StackdToArbiter, Hello | ArbiterToStackd>(
    options.control,
    (send) => {
      const configured = instance.configured();
      const { pid } = process;
      send({ type: "hello", version: controlVersion, role: "arbiter", pid, ...name, configured });
      send({ type: "arbiter-state", state: instance.state() });
      for (const signal of untold.splice(0)) send({ type: "signalled", signal });
    },
    (message) => {
      onMessage(message).catch((error: Error) => {
        log.error(`${message.type} failed: ${error.stack ?? error.message}`);
        stackd.send({ type: "done", id: message.id, error: reportOf(error) });
      });
    },
  );

  // TERM and QUIT we carry out ourselves; of all of them stackd is told, now or when it is back.
  options.onSignal((signal) => {
    log.info(`got ${signal}`);
    if (stackd.connected()) stackd.send({ type: "signalled", signal });
    else untold.push(signal);
    if (signal !== "SIGTERM" && signal !== "SIGQUIT") return;
    drain(signal === "SIGQUIT" ? 0 : undefined).then(over.resolve, over.reject);
  });

  let reported: NodeJS.Immediate | undefined;
  /** Many changes in one turn are one message. */
  function changed(): void {
    reported ??= setImmediate(report);
  }

  function report(): void {
    clearImmediate(reported);
    reported = undefined;
    stackd.send({ type: "arbiter-state", state: instance.state() });
  }

  async function onMessage(message: StackdToArbiter): Promise<void> {
    switch (message.type) {
      case "configure":
      case "reload": {
        const error = await instance[message.type](message.plan as AppPlan, message.release);
        report();
        stackd.send({ type: "done", id: message.id, error });
        return;
      }
      case "canary":
      case "canary-promote":
      case "canary-settle": {
        const error = await onCanary(message);
        report();
        stackd.send({ type: "done", id: message.id, error });
        return;
      }
      case "drain":
        await drain(message.deadlineMs);
        stackd.send({ type: "done", id: message.id, error: null });
        over.resolve();
        return;
      default:
        assertNever(message);
    }
  }

  function onCanary(
    message: Extract<StackdToArbiter, { type: `canary${string}` }>,
  ): Promise<ErrorReport | null> {
    switch (message.type) {
      case "canary":
        return instance.startCanary(message.plan as AppPlan, message.release);
      case "canary-promote":
        return instance.promoteCanary();
      default:
        return instance.settleCanary(message.keep);
    }
  }

  async function drain(deadlineMs?: number): Promise<void> {
    log.info("draining");
    await instance.drain(deadlineMs);
    report();
  }

  log.info(`arbiter of ${app}-${options.instance} (pid ${process.pid})`);
  await over.promise;
  await new Promise((resolve) => setImmediate(resolve)); // what was sent last is on its way
  log.info("all workers are gone");
}
