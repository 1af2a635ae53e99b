/**
 * The state of one client connection and of the request on it: plain records, numbers and latin-1
 * text. What is done with them stands in `client-connection.ts`, `client-requests.ts` (reading), `client-body.ts`,
 * `client-exchange.ts` (answering) and `client-closing.ts`.
 */
import type { Socket } from "node:net";
import type { EdgePlan } from "@stack/config";
import type { ChunkedDecoder, RequestHead } from "@stack/protocols";
import type { CacheOutcome } from "../../core/cache/outcomes.ts";
import type {
  Backend,
  ClientFacts,
  ConnectionFacts,
  Exchange,
  ExchangeTimes,
} from "../exchange.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import type { Holder, Reader } from "../thread/turn-end.ts";

/** Which deadline runs on a connection. */
export const waitFor = {
  /** None of the client's: the app works, or the client reads. */
  nothing: 0,
  /** The first byte of a request. */
  request: 1,
  /** The rest of a head. */
  head: 2,
  /** More of a body. */
  body: 3,
  /** The other side's FIN after our last answer. */
  close: 4,
  /** Bytes of either side of a tunnel. */
  tunnel: 5,
} as const;
type WaitFor = (typeof waitFor)[keyof typeof waitFor];

/** What holds for all requests that come in by one listener, or for one name of it. */
export interface EntranceRules {
  /** Requests for any other host are refused with 421 (RFC 9110 §15.5.20); "" for none. */
  readonly onlyHost: string;
  /** Answers everything in place of the routes. */
  readonly redirect: Backend | undefined;
  /** Lines for every answer, each ended by CRLF. */
  readonly answerFields: string;
}

export interface ClientConnection extends Reader, Holder {
  readonly socket: Socket;
  readonly thread: ThreadContext;
  readonly facts: ConnectionFacts & {
    readonly isUnix: boolean;
    readonly rules?: EntranceRules | undefined;
  };
  /** Of a listener that has some: TLS, a redirect; undefined for plain HTTP. */
  readonly rules: EntranceRules | undefined;
  /** How answers are said where it is not HTTP/1.1: methods in place of an exchange's own. */
  readonly dialect: Dialect | undefined;
  /** The peer as the client: the answer wherever no proxy is trusted. */
  readonly peer: ClientFacts;
  /** Position in the thread's list of connections. */
  index: number;
  waiting: WaitFor;
  /** `performance.now()` at which `waiting` has lasted too long; Infinity for never. */
  deadline: number;
  /** When the last request was answered. */
  lastDone: number;
  /** What was read and not parsed yet: text[offset…], scanned up to `scanned` for a head's end. */
  text: string;
  offset: number;
  scanned: number;
  /** Taken from the thread's pool while a request is under way. */
  head: RequestHead | undefined;
  exchange: ClientExchange | undefined;
  decoder: ChunkedDecoder | undefined;
  /** The loop that parses requests is on the stack: it goes on by itself. */
  parsing: boolean;
  /** `text` has more than was looked at: that is done at the end of the turn. */
  arrived: boolean;
  /** Requests wait in `text` until the client has read more of the last answer. */
  parseOnDrain: boolean;
  /** The client sent its FIN. */
  peerEnded: boolean;
  /** Reading is stopped: FIN and RST are not seen until it goes on. */
  paused: boolean;
  /** Only the other side's FIN is awaited; what it sends is dropped. */
  closing: boolean;
  closed: boolean;
  /** To be written at the end of the turn: an answer as one piece, and the text after it. */
  whole: Buffer | undefined;
  pending: string;
  /** The end of the turn has been told. */
  dirty: boolean;
  /** Bytes the budget counts for this connection's output. */
  accounted: number;
  /** Output was left unsent: the sweep watches whether it moves. */
  sending: boolean;
  /** What the kernel had taken when it was last seen to move, and until when it may not. */
  taken: number;
  sendDeadline: number;
  /** When output was left unsent, and what the kernel had taken until then. */
  sendSince: number;
  sentBefore: number;
  /** What the connection does when its exchange is done; set by `client-connection.ts`. */
  readonly onExchangeDone: (connection: ClientConnection) => void;
}

export const bodyMode = {
  /** Collected in `body`, until it is complete or the bound is reached. */
  collect: 0,
  /** Passed to the owner piece by piece. */
  stream: 1,
  /** Nobody wants it. */
  drop: 2,
} as const;
type BodyMode = (typeof bodyMode)[keyof typeof bodyMode];

/** From `Name: value\r\n` lines to the ones that leave. */
export type AnswerEdit = (fields: string, exchange: ClientExchange, status: number) => string;

/** The part of an answer that HTTP/2 says otherwise; the rest of an exchange is the same. */
export interface Dialect {
  /** For the access log: "HTTP/2.0". */
  readonly protocol: string;
  readonly methods: Pick<ClientExchange, "inform" | "begin" | "answerPrepared">;
}

/** The rest of a request's body on disk. */
export interface BodySpill {
  /** A piece from the client, owned. */
  readonly take: (piece: Buffer) => void;
  /** The client has to wait for the disk, or for the backend. */
  readonly mustWait: () => boolean;
  /** The disk takes no more: the backend is asked now. */
  readonly isFull: () => boolean;
  /** Passes on what is there, after what is in memory. */
  readonly pump: () => void;
  readonly close: () => void;
}

/** The rest of an answer on disk. */
export interface AnswerSpill {
  /** The client can take more. */
  readonly pump: () => void;
  readonly close: () => void;
}

export interface ClientExchange extends Exchange {
  readonly head: RequestHead;
  readonly io: ClientConnection;
  /** Replaced by what a guarded route lets it through to. */
  backend: Backend;
  upgrade: string;
  /** `performance.now()` when it became a tunnel; 0 for a request like most. */
  switchedAt: number;
  /** Of a tunnel: the app's side has ended. */
  answerEnded: boolean;
  /** The plan it began with, whatever was configured since. */
  readonly plan: EdgePlan;
  body: Buffer[];
  /** Of small pieces: see `appendPiece`. */
  bodyBlock: Buffer | undefined;
  bodyBytes: number;
  bodyComplete: boolean;
  bodyReceived: number;
  bodyMode: BodyMode;
  /** All of it has come from the client; in stream mode some may still wait in `body`. */
  bodyEnded: boolean;
  /** The backend has been asked. */
  asked: boolean;
  /** In stream mode: the owner wants no more for now. */
  bodyBlocked: boolean;
  /** Since when it is we who do not read, 0 when we do; and how long that was in all. */
  bodyPausedAt: number;
  bodyPausedMs: number;
  /** Undefined for all that fits into memory. */
  bodySpill: BodySpill | undefined;
  answerSpill: AnswerSpill | undefined;
  begun: boolean;
  done: boolean;
  keepAlive: boolean;
  status: number;
  /** Bytes of the answer's body announced; -1 unknown. */
  answerLength: number;
  /** Bytes of the answer's body written. */
  answerBytes: number;
  answerChunked: boolean;
  /** HEAD, 204, 304: what is written is dropped. */
  answerBodiless: boolean;
  /** `write` returned false and `onDrain` was not called yet. */
  blocked: boolean;
  /** Changes the fields of the answer before they leave; undefined as long as nothing has to. */
  editAnswer: AnswerEdit | undefined;
  /** Told once when it is done, whatever became of it; undefined when nobody has to be. */
  onDone: ((exchange: ClientExchange) => void) | undefined;
  times: ExchangeTimes | undefined;
  /** "" where it was given none. */
  requestId: string;
  traceId: string;
  /** Bytes per second of the answer's body; 0 for as fast as it goes. */
  bytesPerSecond: number;
  /** A timer runs until the answer may go on. */
  paced: boolean;
  /** For the access log; set by the app's backend. */
  app: string;
  queueMs: number;
  /** Who it is, by name and password; "" for nobody known. */
  user: string;
  /** What the cache of its route did; undefined without one. */
  cacheOutcome: CacheOutcome | undefined;
}
