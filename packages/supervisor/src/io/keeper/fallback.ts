/**
 * The keeper's reflex on the public ports: with no edge ready for five seconds a tiny stand-in
 * answers 503, until one is.
 */
import type { SpawnRequest } from "@stack/control";
import type { Children } from "./children.ts";
import type { Listeners } from "./listeners.ts";

export interface Fallback {
  /** Who it runs as from now on; undefined: ourselves. */
  readonly runAs: (user: SpawnRequest["user"]) => void;
  /** stackd's word on one edge; of one that has ended it counts no longer. */
  readonly edgeReady: (name: string, ready: boolean) => void;
  /** Look again: a child or a listener came or went. */
  readonly review: () => void;
  readonly end: () => void;
}

export const fallbackName = "fallback-edge";
const patienceMs = 5_000;

export function createFallback(
  children: Children,
  listeners: Listeners,
  entry: string,
  env: Readonly<Record<string, string>>,
  note: (text: string) => void,
): Fallback {
  const readyEdges = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let user: SpawnRequest["user"];

  function isServed(): boolean {
    return children.list().some((child) => readyEdges.has(child.name));
  }

  function review(): void {
    const living = new Set(children.list().map((child) => child.name));
    for (const name of readyEdges) if (!living.has(name)) readyEdges.delete(name);
    const wanted = !ended && !isServed() && listeners.list().length > 0;
    if (wanted) {
      if (!living.has(fallbackName)) timer ??= setTimeout(() => void start(), patienceMs);
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    if (children.signal(fallbackName, "SIGTERM")) note("an edge is ready: the fall-back edge goes");
  }

  async function start(): Promise<void> {
    timer = undefined;
    if (ended || isServed()) return;
    note("no edge has been ready for 5 s: the fall-back edge answers 503");
    try {
      await children.spawn({
        name: fallbackName,
        command: [
          process.execPath,
          entry,
          ...listeners.list().map(({ spoken = "http" }) => spoken),
        ],
        cwd: "/",
        env,
        listeners: listeners.list().map((listener) => listener.name),
        copies: 1,
        ...(user === undefined ? {} : { user }),
        log: "edge",
        tag: null,
      });
    } catch (error) {
      note(`the fall-back edge cannot be started: ${(error as Error).message}`);
    }
    review();
  }

  return {
    runAs(wanted) {
      user = wanted;
    },
    edgeReady(name, ready) {
      if (ready) readyEdges.add(name);
      else readyEdges.delete(name);
      review();
    },
    review,
    end() {
      ended = true;
      review();
    },
  };
}
