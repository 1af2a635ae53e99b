/** What stackd may ask of the keeper, and the keeper's answers. */
import type { ErrorReport } from "@stack/base";
import type { KeeperToStackd, StackdToKeeper } from "@stack/control";
import type { Children } from "./children.ts";
import type { Fallback } from "./fallback.ts";
import type { Listeners } from "./listeners.ts";

export interface OrdersContext {
  readonly listeners: Listeners;
  readonly children: Children;
  readonly fallback: Fallback;
  readonly send: (message: KeeperToStackd) => void;
  readonly note: (text: string) => void;
  readonly reopenLogs: () => void;
  readonly onRemember: (memory: unknown) => void;
  readonly onStarted: (error: ErrorReport | null) => void;
  readonly onFinish: () => void;
}

/** Returns what carries out one message of stackd. */
export function createOrders(context: OrdersContext): (message: StackdToKeeper) => void {
  const { listeners, children, fallback } = context;

  function respond(id: number, act: () => unknown): void {
    Promise.try(act).then(
      (data) => context.send({ type: "result", id, ok: true, data: data ?? null }),
      (error: NodeJS.ErrnoException) => context.send(refusal(id, error)),
    );
  }

  return (message) => {
    switch (message.type) {
      case "bind":
        respond(message.id, async () => {
          const bound = await listeners.bind(message);
          fallback.review();
          return bound;
        });
        return;
      case "unbind":
        respond(message.id, () => listeners.unbind(message.name));
        return;
      case "spawn":
        respond(message.id, () => children.spawn(message.spawn));
        return;
      case "signal":
        respond(message.id, () => children.signal(message.name, message.signal as NodeJS.Signals));
        return;
      case "last-words":
        respond(message.id, () => children.lastWords(message.source));
        return;
      case "reopen-logs":
        context.reopenLogs();
        return;
      case "ack-exits":
        children.acknowledge(message.seq);
        return;
      case "remember":
        context.onRemember(message.memory);
        return;
      case "edge-user":
        fallback.runAs(message.user);
        return;
      case "edge-ready":
        fallback.edgeReady(message.name, message.ready);
        return;
      case "started":
        context.onStarted(message.error);
        return;
      case "finish":
        context.onFinish();
        return;
      default:
        context.note(`unknown message: ${JSON.stringify(message satisfies never)}`);
    }
  };
}

function refusal(id: number, error: NodeJS.ErrnoException): KeeperToStackd {
  return { type: "result", id, ok: false, code: error.code ?? "EUNKNOWN", message: error.message };
}
