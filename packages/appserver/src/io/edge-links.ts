/**
 * The arbiter's connections to every living edge generation. An edge announces itself by its socket
 * in their folder; it is told of all workers that can take requests, and of every change since.
 * Nothing here needs stackd.
 */
import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "@stack/base";
import {
  type ArbiterToEdge,
  controlVersion,
  type EdgeToArbiter,
  type GoneAnswer,
  type LinePeer,
  openLinePeer,
  type WorkerLoad,
  type WorkerRecord,
} from "@stack/control";
import { type InstanceName, parseEdgeSocketName } from "../core/names.ts";
import type { LateRequest } from "./stuck-workers.ts";

/** For a file system that reports no change, and an edge that was not listening yet. */
const pollMs = 1_000;
const retryMs = 50;
/** After that the poll is often enough: the edge was killed and left its socket behind. */
const quickRetries = 3;

export interface EdgeLinks extends Disposable {
  readonly announce: (worker: WorkerRecord) => void;
  /** Calls back once, when no edge that knew the worker has a request of it in flight. */
  readonly drain: (key: string, drained: () => void) => void;
  /**
   * @param answer what clients get whose requests it had; undefined: they are tried elsewhere
   * @param told called back once, when all of them have it
   */
  readonly forget: (key: string, answer?: GoneAnswer, told?: () => void) => void;
  /** How long requests of the app wait, at the edge where that is longest. */
  readonly waitMs: () => number;
  /** Under way at a worker. */
  readonly inFlightOf: (key: string) => number;
  /** Answered by a worker, as far as the edges have said. */
  readonly requestsOf: (key: string) => number;
}

export interface EdgeLinksOptions {
  /** Where edges have their sockets. */
  readonly folder: string;
  readonly name: InstanceName;
  readonly log: Logger;
  readonly onStuck: (key: string, late: LateRequest) => void;
}

interface EdgeLink {
  readonly peer: LinePeer<EdgeToArbiter, ArbiterToEdge>;
  /** Keys this edge was told of and has not been told to forget. */
  readonly knows: Set<string>;
  /** What it said last. */
  loads: Readonly<Record<string, WorkerLoad>>;
  waitMs: number;
}

interface PendingDrain {
  readonly waitsFor: Set<EdgeLink>;
  readonly drained: () => void;
}

export function openEdgeLinks(options: EdgeLinksOptions): EdgeLinks {
  const usable = new Map<string, WorkerRecord>();
  /** By file name; null while it is being connected. */
  const links = new Map<string, EdgeLink | null>();
  const drains = new Map<string, PendingDrain>();
  const failed = new Map<string, number>();
  /** By key, requests that edges had counted which are gone. */
  const before = new Map<string, number>();
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  const watcher = watchFolder(options.folder, () => void scan());
  const poll = setInterval(() => void scan(), pollMs);
  void scan();

  async function scan(): Promise<void> {
    const files = await readdir(options.folder).catch(() => []);
    for (const file of files) {
      if (parseEdgeSocketName(file) !== undefined && !links.has(file)) void connect(file);
    }
  }

  async function connect(file: string): Promise<void> {
    links.set(file, null);
    try {
      const path = join(options.folder, file);
      const peer = await openLinePeer<EdgeToArbiter, ArbiterToEdge>(path);
      if (closed) peer.destroy();
      else accept(file, peer);
    } catch {
      links.delete(file);
      const failures = (failed.get(file) ?? 0) + 1;
      failed.set(file, failures);
      if (!closed && failures <= quickRetries) retry ??= setTimeout(rescan, retryMs);
    }
  }

  function rescan(): void {
    retry = undefined;
    void scan();
  }

  function accept(file: string, peer: LinePeer<EdgeToArbiter, ArbiterToEdge>): void {
    const link: EdgeLink = { peer, knows: new Set(usable.keys()), loads: {}, waitMs: 0 };
    links.set(file, link);
    failed.delete(file);
    peer.onMessage = (message) => onMessage(link, message);
    peer.onClose = () => {
      links.delete(file);
      keepRequests(link);
      for (const [key, pending] of drains) settle(key, pending, link);
      if (!closed) void scan();
    };
    peer.send({
      type: "register",
      version: controlVersion,
      app: options.name.app,
      instance: options.name.instance,
      pid: process.pid,
      workers: [...usable.values()],
    });
    options.log.debug(`connected to ${file}`);
  }

  function onMessage(link: EdgeLink, message: EdgeToArbiter): void {
    if (message.type === "worker-stuck") {
      options.onStuck(message.key, { ...message.request, ageMs: message.ageMs });
      return;
    }
    if (message.type === "workers-load") {
      link.loads = message.workers;
      link.waitMs = message.waitMs ?? 0;
      return;
    }
    const pending = drains.get(message.key);
    if (pending !== undefined) settle(message.key, pending, link);
  }

  function settle(key: string, pending: PendingDrain, link: EdgeLink): void {
    pending.waitsFor.delete(link);
    if (pending.waitsFor.size > 0) return;
    drains.delete(key);
    pending.drained();
  }

  /** Of an edge that is gone. */
  function keepRequests({ loads, knows }: EdgeLink): void {
    for (const key of knows) {
      const requests = loads[key]?.requests ?? 0;
      if (requests > 0) before.set(key, (before.get(key) ?? 0) + requests);
    }
  }

  function living(): readonly EdgeLink[] {
    return [...links.values()].filter((link) => link !== null);
  }

  return {
    announce(worker) {
      usable.set(worker.key, worker);
      for (const link of living()) {
        link.knows.add(worker.key);
        link.peer.send({ type: "worker-up", worker });
      }
    },
    drain(key, drained) {
      usable.delete(key);
      const asked = living().filter((link) => link.knows.has(key));
      if (asked.length === 0) {
        drained();
        return;
      }
      drains.set(key, { waitsFor: new Set(asked), drained });
      for (const link of asked) link.peer.send({ type: "worker-drain", key });
    },
    forget(key, answer, told) {
      usable.delete(key);
      drains.delete(key);
      before.delete(key);
      const asked = living().filter((link) => link.knows.delete(key));
      if (told !== undefined && asked.length === 0) told();
      else if (told !== undefined) drains.set(key, { waitsFor: new Set(asked), drained: told });
      const more = answer === undefined ? {} : { answer };
      for (const link of asked) link.peer.send({ type: "worker-gone", key, ...more });
    },
    waitMs: () => Math.max(0, ...living().map((link) => link.waitMs)),
    inFlightOf: (key) => living().reduce((sum, link) => sum + (link.loads[key]?.inFlight ?? 0), 0),
    requestsOf(key) {
      let requests = before.get(key) ?? 0;
      for (const link of living()) requests += link.loads[key]?.requests ?? 0;
      return requests;
    },
    [Symbol.dispose]() {
      closed = true;
      clearInterval(poll);
      clearTimeout(retry);
      watcher?.close();
      for (const link of living()) link.peer.end();
    },
  };
}

/** Undefined where the system has no watch left to give: then the poll alone does it. */
function watchFolder(folder: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, changed);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
