/** stackd's side of the channel to its keeper: requests with answers, exits, and its loss. */

import type { ErrorReport } from "@stack/base";
import type {
  ChildExit,
  ChildRecord,
  KeeperToStackd,
  ListenerRecord,
  SpawnRequest,
  StackdToKeeper,
} from "@stack/control";

export type Welcome = Extract<KeeperToStackd, { type: "welcome" }>;

export interface KeeperLink {
  /** Rejects with an error whose `code` is the errno name. */
  readonly bind: (
    wanted: Omit<Extract<StackdToKeeper, { type: "bind" }>, "type" | "id">,
  ) => Promise<ListenerRecord>;
  readonly unbind: (name: string) => Promise<void>;
  readonly spawn: (request: SpawnRequest) => Promise<ChildRecord>;
  /** False when there is no such child. */
  readonly signal: (name: string, signal: NodeJS.Signals) => Promise<boolean>;
  readonly reopenLogs: () => void;
  readonly lastWords: (source: string) => Promise<readonly string[]>;
  readonly acknowledge: (seq: number) => void;
  readonly remember: (memory: unknown) => void;
  readonly edgeUser: (user: SpawnRequest["user"]) => void;
  readonly edgeReady: (name: string, ready: boolean) => void;
  readonly started: (error: ErrorReport | null) => void;
  readonly finish: () => void;
  /** See the message; rejects with the keeper's loss. */
  readonly config: Promise<unknown>;
}

export interface KeeperEvents {
  readonly onExit: (exit: ChildExit) => void;
  readonly onTerminate: (now: boolean) => void;
  readonly onLost: () => void;
}

type Question = Extract<StackdToKeeper, { id: number }>;
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** Resolves with the keeper's first words. Events wait until `listen` is called. */
export async function openKeeperLink(): Promise<{
  readonly welcome: Welcome;
  readonly keeper: KeeperLink;
  readonly listen: (events: KeeperEvents) => void;
}> {
  const welcome = Promise.withResolvers<Welcome>();
  const config = Promise.withResolvers<unknown>();
  config.promise.catch(() => {}); // most stackds do not ask for it
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const early: (() => void)[] = [];
  let events: KeeperEvents | undefined;
  let nextId = 1;

  function whenListening(act: (events: KeeperEvents) => void): void {
    if (events === undefined) early.push(() => events !== undefined && act(events));
    else act(events);
  }

  process.on("message", (raw) => {
    const message = raw as KeeperToStackd;
    switch (message.type) {
      case "welcome":
        welcome.resolve(message);
        return;
      case "config":
        config.resolve(message.config);
        return;
      case "result": {
        const question = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.ok) question?.resolve(message.data);
        else {
          const { code } = message;
          question?.reject(Object.assign(new Error(message.message), { code }));
        }
        return;
      }
      case "exit":
        // A child may end at once: whoever waits for its spawning must have heard of it first.
        setImmediate(() => whenListening((listener) => listener.onExit(message.exit)));
        return;
      case "terminate":
        whenListening((listener) => listener.onTerminate(message.now));
        return;
    }
  });
  process.on("disconnect", () => {
    const lost = Object.assign(new Error("the keeper is gone"), { code: "EKEEPER" });
    welcome.reject(lost);
    config.reject(lost);
    for (const question of waiting.values()) question.reject(lost);
    waiting.clear();
    whenListening((listener) => listener.onLost());
  });

  function send(message: StackdToKeeper): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  }

  function ask(question: WithoutId<Question>): Promise<unknown> {
    const id = nextId++;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    send({ ...question, id } as Question);
    return answer.promise;
  }

  const keeper: KeeperLink = {
    bind: async (wanted) => (await ask({ type: "bind", ...wanted })) as ListenerRecord,
    unbind: async (name) => {
      await ask({ type: "unbind", name });
    },
    spawn: async (spawn) => (await ask({ type: "spawn", spawn })) as ChildRecord,
    signal: async (name, signal) => (await ask({ type: "signal", name, signal })) as boolean,
    lastWords: async (source) => (await ask({ type: "last-words", source })) as readonly string[],
    reopenLogs: () => send({ type: "reopen-logs" }),
    acknowledge: (seq) => send({ type: "ack-exits", seq }),
    remember: (memory) => send({ type: "remember", memory }),
    edgeUser: (user) => send({ type: "edge-user", user }),
    edgeReady: (name, ready) => send({ type: "edge-ready", name, ready }),
    started: (error) => send({ type: "started", error }),
    finish: () => send({ type: "finish" }),
    config: config.promise,
  };
  return {
    welcome: await welcome.promise,
    keeper,
    listen(listener) {
      events = listener;
      for (const act of early.splice(0)) act();
    },
  };
}
