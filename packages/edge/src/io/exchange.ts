/**
 * The seam between a client connection and whatever answers it. The connection parses, collects
 * the body, enforces limits and deadlines and frames the answer; a `Backend` (worker, HTTP
 * upstream, static files, fixed answers) only says what the answer is. One object per request; on
 * one that is done every method does nothing, so a late callback of a backend harms nobody.
 */
import type { ClientMemo, RequestHead } from "@stack/protocols";
import type { RouteDecision } from "../core/routing/route-table.ts";

/** Bytes given away for good (never a view of a shared read buffer), or latin-1 text. */
export type Bytes = Buffer | string;

/** For `begin`: the length of the body is not known; chunked, or until close for HTTP/1.0. */
export const unknownLength = -1;

export interface Exchange {
  // ── the request ──────────────────────────────────────────────────────────────────────────────
  /** Reused by the next request of the connection: not to be read once the exchange is done. */
  readonly head: RequestHead;
  readonly route: RouteDecision;
  /** Who asks, in the app's eyes: the peer, or what a trusted proxy said of it. */
  readonly client: ClientFacts;
  /** The connection itself: what `ForwardOptions` asks for. One object per connection. */
  readonly connection: ConnectionFacts;
  /** Answers to HEAD have no body: what is written of it is dropped. */
  readonly isHead: boolean;
  /** `performance.now()` when the head was complete. */
  readonly startedAt: number;

  // ── its body: collected up to `limits.bufferBytes` before a backend that wants it is asked ───
  /** 0 when there is none, `unknownLength` when it is chunked. */
  readonly bodyLength: number;
  /** The pieces collected so far. Kept until the exchange is done when `bodyComplete`. */
  readonly body: readonly Buffer[];
  readonly bodyBytes: number;
  /** The protocol it may be switched to ("websocket"), handshake checked; "" for none. */
  readonly upgrade: string;
  /** True: `body` is all of it, and the request can be sent a second time. */
  readonly bodyComplete: boolean;
  /** All of it has come from the client, `bodyReceived` bytes, whether they are in `body` or not. */
  readonly bodyEnded: boolean;
  readonly bodyReceived: number;
  /**
   * For a body that is not complete: passes the collected pieces and then each new one to
   * `owner.onBody`, and says `owner.onBodyEnd` after the last. Not replayable from here on.
   */
  readBody(): void;
  /** After `onBody` returned false: more may come. */
  resumeBody(): void;

  // ── the answer ───────────────────────────────────────────────────────────────────────────────
  /** Who is working on it; told of what happens. A backend that finishes at once needs none. */
  owner: ExchangeOwner | undefined;
  /** For the access log: "shop-1.2", or the address of the upstream's server. */
  servedBy: string;
  /**
   * The rest of the answer does not go to disk while its client is slow: it comes from there, or is
   * made piece by piece. Whoever answers waits.
   */
  neverSpilled?: boolean;
  /**
   * What the answer that is about to begin wants the edge to do (`ResponseHead.orders`); undefined
   * where nothing is obeyed.
   */
  obey?: ((this: Exchange, orders: string) => void) | undefined;
  /** Times of its steps, where somebody wants to know; undefined for most. */
  readonly times?: ExchangeTimes | undefined;
  /**
   * Whether the app is down and something stored is given in its place, so that nobody waits for a
   * worker. Undefined where nothing ever is.
   */
  readonly hasStandIn?: (() => boolean) | undefined;
  /** True once the head of the answer was begun: from here on it can be aborted, not replaced. */
  readonly begun: boolean;
  /** True once it is answered, failed or abandoned by its client. */
  readonly done: boolean;
  /**
   * A 1xx answer other than 100, passed on to clients of HTTP/1.1.
   *
   * @param fields lines as in `begin`
   */
  inform(status: number, reason: string, fields: string): void;
  /**
   * Begins the answer; the head leaves with the first bytes of the body.
   *
   * @param fields `Name: value\r\n` lines, latin-1, valid, without Connection, Keep-Alive,
   *   Transfer-Encoding and Content-Length; Date and Server are added where missing
   * @param length of the body in bytes, or `unknownLength`; for HEAD and 304 of the body a GET had
   * @param hasDate whether `fields` has a Date, where that is known: saves looking for it
   */
  begin(status: number, reason: string, fields: string, length: number, hasDate?: boolean): void;
  /**
   * In place of `begin`, where `upgrade` allows it: 101, then a tunnel. From here on `readBody`,
   * `write` and `end` carry raw bytes; `end` and `onBodyEnd` each close one direction, and the
   * exchange is done when both have.
   *
   * @param fields as in `begin`; Connection and Upgrade are added
   */
  switchProtocols(reason: string, fields: string): void;
  /** Returns false when the bound of this exchange is reached: write no more until `onDrain`. */
  write(bytes: Bytes): boolean;
  /**
   * The kernel has taken all that was written so far: a Buffer given to `write` is the giver's again.
   * Only to be asked while the exchange is not done.
   */
  isFlushed(): boolean;
  /** The answer is complete; checked against the announced length (short: the client is cut off). */
  end(): void;
  /** `begin`, `write` and `end` in one, in one write to the socket. */
  answer(status: number, reason: string, fields: string, body: Bytes): void;
  /** A whole answer made before; the cheapest way. */
  answerPrepared(answer: PreparedAnswer): void;
  /**
   * Before `begin`: an error page of ours. After it: the connection is cut, so that the client
   * never takes the piece it has for the whole.
   *
   * @param reason a few words for the page and the access log: "no worker became free in 30s"
   * @param retryAfterS for 503
   */
  fail(status: number, reason: string, retryAfterS?: number): void;
}

/** In milliseconds; -1 for what did not happen. */
export interface ExchangeTimes {
  /** To connect to a server; 0 where a connection was there. */
  connectMs: number;
  /** From the request to the head of its answer. */
  firstByteMs: number;
  /** Of the worker that answered. */
  release: string;
}

export interface ConnectionFacts {
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly scheme: "http" | "https";
  /** The listener's own, for requests without a Host. */
  readonly serverName: string;
  readonly serverPort: number;
  /** What was said of its client last time: see `ForwardOptions`. */
  readonly said: ClientMemo;
  /** Of a request that came from a web server in front of us. */
  readonly front?: FrontFacts | undefined;
}

interface FrontFacts {
  /** How much of the path says where that server mounted us. */
  readonly mountLength: number;
  /** What it says besides, for the block of a worker: `\0NAME\0VALUE…`, or "". */
  readonly variables: string;
  /** X-Forwarded-For already ends with the one it speaks for, and it is not to be added itself. */
  readonly hasSaid: boolean;
}

export interface ClientFacts {
  readonly address: string;
  /** 0 for a Unix socket, and where a proxy told no port. */
  readonly port: number;
  readonly scheme: "http" | "https";
  /** The connection's own peer is a trusted proxy: its X-Forwarded-* are extended, not replaced. */
  readonly trusted: boolean;
}

/** What an exchange tells the one that answers it. One owner may serve many exchanges in turn. */
export interface ExchangeOwner {
  /** It only has it stand in a queue: a client that ends its side meanwhile is taken at its word. */
  readonly isQueue?: true;
  /** The client went away or was cut off; the exchange is done. Not called after `end` or `fail`. */
  onAbort(exchange: Exchange): void;
  /** There is room again after `write` returned false. */
  onDrain(exchange: Exchange): void;
  /** A piece of the body, owned by the receiver. False: no more until `resumeBody`. */
  onBody(exchange: Exchange, piece: Buffer): boolean;
  onBodyEnd(exchange: Exchange): void;
}

export interface PreparedAnswer {
  readonly status: number;
  /** Status line and fields, each line ended by CRLF, without the empty line and Connection. */
  readonly head: string;
  readonly body: Bytes;
  /** head + CRLF + body, as one piece: written as it is on a connection that stays open. */
  readonly whole: Bytes;
}

/** Something that can be handed an exchange. One per route and plan, shared by all its requests. */
export interface Backend {
  /** False: it is asked at once, and the body is read past (or the connection closed) after. */
  readonly wantsBody: boolean;
  handle(exchange: Exchange): void;
  /** The plan was replaced: finish what runs, then let go of everything. */
  retire(): void;
}

/**
 * The connections of this thread to one HTTP server: a server of an upstream, or a worker whose
 * record says protocol "http". The caller chooses the server and decides about replays.
 */
export interface ServerLink {
  /** Sends the exchange now; `observer.onSettled` is called exactly once. */
  serve(exchange: Exchange, observer: LinkObserver): void;
  /** Nothing new comes: idle connections close now, busy ones when their exchange is done. */
  retire(): void;
}

export interface LinkObserver {
  /** The exchange has become a tunnel; `onSettled` follows at its end. */
  onSwitched?(exchange: Exchange): void;
  /** @param wasKept its connection had carried a request before: it may have been closed unseen */
  onSettled(exchange: Exchange, outcome: LinkOutcome, wasKept?: boolean): void;
}

/**
 * - `answered`: the exchange is done, by an answer, a 5xx of ours or an abort;
 * - `unreached`: no byte of the request was taken by the server, the exchange is open: any method
 *   may be tried elsewhere;
 * - `lost`: the connection ended before a byte of the answer was passed on, the exchange is open:
 *   only an idempotent request with a complete body may be replayed;
 * - `late`: no answer within the time allowed; the exchange is open, to be failed with 504.
 */
export type LinkOutcome = "answered" | "unreached" | "lost" | "late";
