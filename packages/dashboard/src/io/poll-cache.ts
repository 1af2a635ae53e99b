/** Asks the edge about its cache while somebody looks at it, and only then: it costs Redis a question. */
import type { CacheAnswer, ControlClient } from "@stack/control";
import type { Store } from "./store.ts";

const everyMs = 1_000;

/** @param client undefined while nobody answers */
export function pollCache(store: Store, client: () => ControlClient | undefined): Disposable {
  let timer: NodeJS.Timeout | undefined;
  let isAsking = false;

  const isLookedAt = (): boolean => store.state().view === "cache";

  function follow(): void {
    if (isLookedAt() && timer === undefined) {
      timer = setInterval(ask, everyMs);
      ask();
    } else if (!isLookedAt()) {
      clearInterval(timer);
      timer = undefined;
    }
  }

  function ask(): void {
    const connected = client();
    if (isAsking || connected === undefined) return;
    isAsking = true;
    connected
      .request({ op: "cache", order: { kind: "stats" } })
      .then(
        (answer) => {
          store.dispatch({ type: "cache", answer: answer as CacheAnswer, nowMs: Date.now() });
        },
        () => {}, // the edge or stackd is being replaced: asked again soon
      )
      .finally(() => {
        isAsking = false;
      });
  }

  const unsubscribe = store.subscribe(follow);
  return {
    [Symbol.dispose]() {
      unsubscribe();
      clearInterval(timer);
    },
  };
}
