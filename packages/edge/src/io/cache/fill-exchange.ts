/**
 * The request that fills the cache: an exchange without a client of its own, so that it outlives the
 * client that caused it. Its answer goes to a fill, whoever reads there.
 */
import { performance } from "node:perf_hooks";
import type { RequestHead } from "@stack/protocols";
import type { ClientExchange } from "../client/client-state.ts";
import type { Bytes, Exchange, ExchangeOwner, ExchangeTimes } from "../exchange.ts";

export interface FillEvents {
  /** A 1xx answer before the answer. */
  readonly onInform: (status: number, reason: string, fields: string) => void;
  readonly onBegin: (
    status: number,
    reason: string,
    fields: string,
    length: number,
    hasDate: boolean | undefined,
  ) => void;
  /** False: no more until `FillExchange.resume`. */
  readonly onWrite: (bytes: Bytes) => boolean;
  readonly onEnd: () => void;
  /** Before or after the beginning of the answer: there is no (more) of it. */
  readonly onFail: (status: number, reason: string, retryAfterS: number | undefined) => void;
  /** See `Exchange.hasStandIn`. */
  readonly hasStandIn: () => boolean;
}

export interface FillExchange {
  readonly exchange: Exchange & {
    readonly app: string;
    readonly queueMs: number;
    readonly times: ExchangeTimes;
  };
  /** The app has ordered something instead of answering: a file of the edge. */
  readonly hasOrders: () => boolean;
  readonly resume: () => void;
  /** Nobody wants it any more. */
  readonly giveUp: () => void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function createFillExchange(
  original: ClientExchange,
  head: RequestHead,
  events: FillEvents,
): FillExchange {
  // Its connection's facts, with an end of its own: the durations of apps are counted by it.
  const io = Object.create(original.io) as ClientExchange["io"];
  let length = -1;
  let received = 0;
  let hasOrders = false;
  let obeyed: Exchange["obey"];

  const finish = (): ExchangeOwner | undefined => {
    const { owner } = fill;
    fill.done = true;
    fill.owner = undefined;
    io.lastDone = performance.now();
    return owner;
  };
  const fail = (status: number, reason: string, retryAfterS?: number): void => {
    if (fill.done) return;
    if (!fill.begun) fill.status = status;
    finish();
    events.onFail(status, reason, retryAfterS);
  };

  function noteOrders(this: Exchange, orders: string): void {
    hasOrders = true;
    obeyed?.call(this, orders);
  }

  // What schedulers of apps read of a client's exchange besides: `io.lastDone`, `app`, `status` …
  const fill: Mutable<Exchange> &
    Pick<ClientExchange, "io" | "app" | "queueMs" | "plan" | "status"> & { times: ExchangeTimes } =
    {
      io,
      plan: original.plan,
      app: "",
      queueMs: 0,
      status: 0,
      times: { connectMs: -1, firstByteMs: -1, release: "" },
      head,
      route: original.route,
      client: original.client,
      connection: original.connection,
      isHead: head.method === "HEAD",
      startedAt: performance.now(),
      bodyLength: 0,
      body: [],
      bodyBytes: 0,
      bodyReceived: 0,
      bodyComplete: true,
      bodyEnded: true,
      readBody: () => {},
      resumeBody: () => {},
      owner: undefined,
      servedBy: "",
      upgrade: "",
      get obey() {
        return noteOrders;
      },
      set obey(obey) {
        obeyed = obey;
      },
      hasStandIn: events.hasStandIn,
      switchProtocols: () => fill.fail(502, "it switched protocols unasked"),
      begun: false,
      done: false,
      inform(status, reason, fields) {
        if (!fill.done && !fill.begun) events.onInform(status, reason, fields);
      },
      begin(status, reason, fields, announced, hasDate) {
        if (fill.done || fill.begun) return;
        fill.begun = true;
        fill.status = status;
        length = fill.isHead || status === 204 || status === 304 ? -1 : announced;
        events.onBegin(status, reason, fields, announced, hasDate);
      },
      write(bytes) {
        if (fill.done || !fill.begun || bytes.length === 0) return true;
        // More than was announced is not passed on; see `client-exchange.ts`.
        const left = length < 0 ? bytes.length : length - received;
        if (left === 0) return true;
        const piece = bytes.length <= left ? bytes : cut(bytes, left);
        received += piece.length;
        return events.onWrite(piece);
      },
      isFlushed: () => false, // pieces are kept
      end() {
        if (fill.done) return;
        if (!fill.begun) fail(502, "the answer had no head");
        else if (received < length) fail(502, "the answer was shorter than announced");
        else {
          finish();
          events.onEnd();
        }
      },
      answer(status, reason, fields, body) {
        fill.begin(status, reason, fields, body.length);
        fill.write(body);
        fill.end();
      },
      answerPrepared(answer) {
        const fieldsAt = answer.head.indexOf("\n") + 1;
        const fields = answer.head.slice(fieldsAt).replace(/^content-length:.*\r\n/im, "");
        fill.answer(answer.status, "", fields, answer.body);
      },
      fail,
    };
  return {
    exchange: fill,
    hasOrders: () => hasOrders,
    resume() {
      if (!fill.done) fill.owner?.onDrain(fill);
    },
    giveUp() {
      if (!fill.done) finish()?.onAbort(fill);
    },
  };
}

function cut(bytes: Bytes, length: number): Bytes {
  return typeof bytes === "string" ? bytes.slice(0, length) : bytes.subarray(0, length);
}
