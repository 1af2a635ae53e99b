/**
 * A question that an edge asks on behalf of a request: an exchange without a client of its own. Its
 * answer is either swallowed (`isPassed`) or becomes the answer of the request it was asked for.
 */
import type { RequestHead } from "@stack/protocols";
import type { ClientExchange } from "../client/client-state.ts";
import type { Exchange, ExchangeOwner, PreparedAnswer } from "../exchange.ts";

export interface InnerObserver {
  /** Whether an answer with this status is for us: its fields are told when it has ended. */
  readonly isPassed: (status: number) => boolean;
  readonly onPassed: (fields: string) => void;
  /** The answer is on its way to the client, or there is none. */
  readonly onRefused: () => void;
}

export interface InnerExchange {
  readonly exchange: Exchange;
  /** Nobody waits for it any more. */
  readonly giveUp: () => void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function createInnerExchange(
  outer: ClientExchange,
  head: RequestHead,
  observer: InnerObserver,
): InnerExchange {
  let swallowed: string | undefined;
  const io = { ...outer.io }; // its own times

  const finish = (): ExchangeOwner | undefined => {
    const { owner } = inner;
    inner.done = true;
    inner.owner = undefined;
    io.lastDone = performance.now();
    return owner;
  };
  const end = (): void => {
    if (inner.done) return;
    finish();
    if (swallowed !== undefined) {
      outer.owner = undefined;
      observer.onPassed(swallowed);
      return;
    }
    outer.end();
    observer.onRefused();
  };
  const refuse = (): void => {
    finish();
    observer.onRefused();
  };

  // What schedulers of apps read of a client's exchange besides: `io.lastDone`, `app`, `queueMs`.
  const inner: Mutable<Exchange> & Pick<ClientExchange, "io" | "app" | "queueMs" | "plan"> = {
    io,
    plan: outer.plan,
    app: "",
    queueMs: 0,
    head,
    route: { ...outer.route, stripLength: 0, prefixLength: 0 },
    // Its claims about the client were taken from the head already, or are a trusted proxy's.
    client: { ...outer.client, trusted: true },
    connection: outer.connection,
    isHead: false,
    startedAt: performance.now(),
    bodyLength: 0,
    body: [],
    bodyBytes: 0,
    bodyComplete: true,
    bodyEnded: true,
    bodyReceived: 0,
    readBody: () => {},
    resumeBody: () => {},
    owner: undefined,
    servedBy: "",
    upgrade: "",
    switchProtocols: () => inner.fail(502, "it switched protocols unasked"),
    begun: false,
    done: false,
    inform: () => {},
    begin(status, reason, fields, length, hasDate) {
      if (inner.done || inner.begun) return;
      inner.begun = true;
      if (observer.isPassed(status)) swallowed = fields;
      else outer.begin(status, reason, fields, outer.isHead ? -1 : length, hasDate);
    },
    write(bytes) {
      if (inner.done || swallowed !== undefined) return true;
      return outer.write(bytes);
    },
    isFlushed: () => swallowed !== undefined || outer.isFlushed(),
    end,
    answer(status, reason, fields, body) {
      inner.begin(status, reason, fields, body.length);
      inner.write(body);
      end();
    },
    answerPrepared(answer: PreparedAnswer) {
      const fieldsAt = answer.head.indexOf("\n") + 1;
      const fields = answer.head.slice(fieldsAt).replace(/^content-length:.*\r\n/im, "");
      inner.answer(answer.status, "", fields, answer.body);
    },
    fail(status, reason, retryAfterS) {
      if (inner.done) return;
      refuse();
      // An answer that was swallowed and then broke off is no permission.
      if (swallowed === undefined) outer.fail(status, reason, retryAfterS);
      else outer.fail(502, "the answer whether this may pass broke off");
    },
  };
  outer.owner = {
    onAbort() {
      if (inner.done) return;
      finish()?.onAbort(inner);
      observer.onRefused();
    },
    onDrain: () => inner.owner?.onDrain(inner),
    onBody: () => false,
    onBodyEnd: () => {},
  };
  return {
    exchange: inner,
    giveUp() {
      if (inner.done) return;
      finish()?.onAbort(inner);
    },
  };
}
