/**
 * `mirror`: a copy of a share of the requests goes to another app or upstream. Only requests whose
 * body is in memory as a whole; what comes back is dropped, and nothing waits for it.
 */
import type { RoutePlan } from "@stack/config";
import { copyRequestHead } from "@stack/protocols";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend, Exchange, ExchangeOwner } from "../exchange.ts";
import type { TargetFinder } from "./split.ts";

/** Of one route and thread: what is beyond is not copied. */
const mostCopies = 64;
const longestMs = 60_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function createMirror(
  inner: Backend,
  plan: NonNullable<RoutePlan["mirror"]>,
  target: TargetFinder,
): Backend {
  const other = target(plan.target);
  let copies = 0;
  return {
    wantsBody: inner.wantsBody,
    handle(exchange) {
      const isChosen = copies < mostCopies && exchange.bodyComplete && exchange.upgrade === "";
      if (!isChosen || Math.random() >= plan.share) {
        inner.handle(exchange);
        return;
      }
      copies += 1;
      // Before it is answered: then head and body are gone.
      const copy = copyOf(exchange as ClientExchange, () => {
        copies -= 1;
      });
      inner.handle(exchange);
      try {
        other.handle(copy);
      } catch {
        copy.fail(500, "the copy failed"); // the original is none the worse for it
      }
    },
    retire() {
      inner.retire();
      other.retire();
    },
  };
}

/** An exchange without a client: everything said to it is dropped. */
function copyOf(original: ClientExchange, onDone: () => void): Exchange {
  const { budget } = original.io.thread;
  const { bodyBytes } = original;
  // Its connection's facts, with an end of its own: the durations of apps are counted by it.
  const io = Object.create(original.io) as ClientExchange["io"];
  budget.add(bodyBytes);
  const finish = (): ExchangeOwner | undefined => {
    if (copy.done) return undefined;
    clearTimeout(timer);
    const { owner } = copy;
    copy.done = true;
    copy.owner = undefined;
    copy.body = [];
    io.lastDone = performance.now();
    budget.add(-bodyBytes);
    onDone();
    return owner;
  };
  const end = (): void => void finish();
  const timer = setTimeout(() => {
    const { owner } = copy;
    finish();
    owner?.onAbort(copy);
  }, longestMs);
  timer.unref();

  // What schedulers of apps read of a client's exchange besides: `io.lastDone`, `app`, `queueMs`.
  const copy: Mutable<Exchange> & Pick<ClientExchange, "io" | "app" | "queueMs" | "plan"> = {
    io,
    plan: original.plan,
    app: "",
    queueMs: 0,
    head: copyRequestHead(original.head),
    route: original.route,
    client: original.client,
    connection: original.connection,
    isHead: original.isHead,
    startedAt: performance.now(),
    bodyLength: original.bodyLength,
    body: [...original.body],
    bodyBytes,
    bodyComplete: true,
    bodyEnded: true,
    bodyReceived: bodyBytes,
    readBody: () => {},
    resumeBody: () => {},
    owner: undefined,
    servedBy: "",
    upgrade: "",
    switchProtocols: end,
    begun: false,
    done: false,
    inform: () => {},
    begin: () => {
      copy.begun = true;
    },
    write: () => true,
    isFlushed: () => true,
    end,
    answer: end,
    answerPrepared: end,
    fail: end,
  };
  return copy;
}
