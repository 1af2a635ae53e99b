/** Keeps the store in step with stackd: watches it, and comes back to its successor when it is replaced. */
import type { ControlClient } from "@stack/control";
import type { Store } from "./store.ts";

const retryMs = 250;

export interface WatchedStack extends Disposable {
  /** Undefined while nobody answers. */
  readonly client: () => ControlClient | undefined;
}

/**
 * @param connect opens the control socket; rejects while nobody listens
 * @param onGone the socket is no longer there: the stack has ended
 */
export function watchStack(
  store: Store,
  connect: () => Promise<ControlClient>,
  onGone: () => void,
): WatchedStack {
  let client: ControlClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function attempt(): Promise<void> {
    try {
      const opened = await connect();
      if (closed) {
        opened[Symbol.dispose]();
        return;
      }
      client = opened;
      opened.onClose = () => {
        client = undefined;
        lost();
      };
      opened.onPush = (push) => {
        if (push.type === "event") store.dispatch({ type: "event", event: push.event });
        else store.dispatch({ type: "snapshot", status: push.status, nowMs: Date.now() });
      };
      await opened.request({ op: "watch" });
    } catch (error) {
      if (client !== undefined) return; // onClose has seen to it
      if ((error as NodeJS.ErrnoException).code === "ENOENT" && !closed) onGone();
      else lost();
    }
  }

  function lost(): void {
    if (closed) return;
    store.dispatch({ type: "lost", nowMs: Date.now() });
    clearTimeout(timer);
    timer = setTimeout(() => void attempt(), retryMs);
  }

  void attempt();
  return {
    client: () => client,
    [Symbol.dispose]() {
      closed = true;
      clearTimeout(timer);
      client?.[Symbol.dispose]();
    },
  };
}
