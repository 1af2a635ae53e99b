/**
 * The children of the keeper: spawns and signals on stackd's word, writes their output to the logs,
 * and remembers how each one ended until stackd has read it.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ChildExit, ChildRecord, SpawnRequest } from "@stack/control";
import { type ExitStatus, type SpawnedChild, spawnChild } from "@stack/process";
import type { Listeners } from "./listeners.ts";
import type { Logs } from "./logs.ts";

export interface Children {
  /** Rejects with the system's error (ENOENT, EACCES …), or EEXIST when the name is taken. */
  readonly spawn: (request: SpawnRequest) => Promise<ChildRecord>;
  /** To its process group; false when there is no such child. */
  readonly signal: (name: string, signal: NodeJS.Signals) => boolean;
  readonly list: () => readonly ChildRecord[];
  /** Exits nobody has acknowledged. */
  readonly exits: () => readonly ChildExit[];
  readonly acknowledge: (seq: number) => void;
  /** The last lines that a worker wrote to standard error since this was asked of it. */
  readonly lastWords: (source: string) => Promise<readonly string[]>;
}

export interface ChildrenHooks {
  readonly onExit: (exit: ChildExit) => void;
  /** A child came or went. */
  readonly onChange: () => void;
}

interface Child {
  readonly record: ChildRecord;
  readonly handle: SpawnedChild;
  readonly stderr: string[];
}

const stderrLines = 20;
/** They are words for people; the whole line is in the log. */
const stderrLineLength = 1_000;
/** Workers whose last words are kept. */
const mostSources = 1_000;
/** More than a stackd that is away for long could ever need. */
const maxExits = 1_000;
/** How long the last words of a dead child may take; those who inherited its pipe may keep it open. */
const lastWordsMs = 50;

/**
 * @param mark what all children find in their environment
 */
export function createChildren(
  listeners: Listeners,
  logs: Logs,
  mark: Readonly<Record<string, string>>,
  hooks: ChildrenHooks,
): Children {
  const children = new Map<string, Child>();
  const words = new Map<string, string[]>();
  let exits: ChildExit[] = [];
  let lastSeq = 0;

  async function spawn(request: SpawnRequest): Promise<ChildRecord> {
    if (children.has(request.name)) {
      throw Object.assign(new Error(`${request.name} runs already`), { code: "EEXIST" });
    }
    const handle = await spawnChild({
      command: request.command,
      cwd: request.cwd,
      env: { ...request.env, ...mark },
      ...(request.user === undefined ? {} : { user: request.user }),
      stdout: "pipe",
      stderr: "pipe",
      extra: request.listeners.flatMap((name) =>
        Array.from({ length: request.copies }, () => listeners.descriptor(name)),
      ),
    });
    const child: Child = {
      handle,
      record: {
        name: request.name,
        pid: handle.pid,
        startTime: handle.startTime,
        startedAt: new Date().toISOString(),
        tag: request.tag,
      },
      stderr: [],
    };
    children.set(request.name, child);
    capture(child, request.log ?? request.name);
    void handle.exited.then((status) => bury(child, status));
    hooks.onChange();
    return child.record;
  }

  function capture(child: Child, log: string): void {
    logs.capture(child.handle.stdout, log, "out");
    logs.capture(child.handle.stderr, log, "err", (line) => {
      // A worker only shares the pipe of its arbiter.
      const lines = line.source === log ? child.stderr : wordsOf(line.source);
      lines.push(line.text.slice(0, stderrLineLength));
      if (lines.length > stderrLines) lines.shift();
    });
  }

  function wordsOf(source: string): string[] {
    const known = words.get(source) ?? [];
    words.delete(source); // the one that spoke last is the last to be forgotten
    words.set(source, known);
    const [oldest] = words.keys();
    if (words.size > mostSources && oldest !== undefined) words.delete(oldest);
    return known;
  }

  async function bury(child: Child, status: ExitStatus): Promise<void> {
    const at = new Date().toISOString();
    await lastWords(child.handle);
    const { name, pid, tag } = child.record;
    children.delete(name);
    lastSeq += 1;
    const exit: ChildExit = { seq: lastSeq, name, pid, ...status, at, tag, stderr: child.stderr };
    exits = [...exits, exit].slice(-maxExits);
    hooks.onChange();
    hooks.onExit(exit);
  }

  return {
    spawn,
    signal(name, signal) {
      return children.get(name)?.handle.signal(signal) ?? false;
    },
    list: () => [...children.values()].map((child) => child.record),
    exits: () => exits,
    async lastWords(source) {
      await sleep(lastWordsMs); // they may still be on their way
      const lines = words.get(source) ?? [];
      words.delete(source);
      return lines;
    },
    acknowledge(seq) {
      exits = exits.filter((exit) => exit.seq > seq);
    },
  };
}

async function lastWords(handle: SpawnedChild): Promise<void> {
  const { stderr } = handle;
  if (stderr === null || stderr.closed) return;
  await Promise.race([once(stderr, "close"), sleep(lastWordsMs)]);
}
