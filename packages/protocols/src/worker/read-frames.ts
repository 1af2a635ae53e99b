/**
 * Frames as they arrive, over a read buffer that others use after us: payloads of BODY are passed
 * on in place, in the pieces in which they come; of every other frame what is incomplete is kept
 * as text. A frame that has no place where it comes is a problem, and the connection's end.
 */
import { frame, frameHeaderBytes, maxBodyPayload, maxFramePayload } from "./frames.ts";

/** What a worker may say. `buffer` is only valid during the call. */
export interface WorkerEvents {
  onReady(version: number): void;
  onInform(text: string): void;
  onHead(text: string): void;
  onBody(buffer: Buffer, start: number, end: number): void;
  onEnd(): void;
  onFail(): void;
  onWindow(bytes: number): void;
  onGoaway(): void;
}

/** What a worker may say on a shared connection beside that. */
export interface SharedEvents extends WorkerEvents {
  /** The frames that follow are of this exchange. @returns where its answer is; undefined to pass over it */
  onStream(id: number): AnswerState | undefined;
  onAbort(id: number): void;
}

/** How far an answer has come: between two, due, or begun; or its exchange is over, and nobody listens. */
export interface AnswerState {
  phase: "waiting" | "ready" | "answering" | "over";
}

const over: AnswerState = { phase: "over" };

/** What an edge may say to a worker. `buffer` is only valid during the call. */
export interface EdgeEvents {
  onRequest(block: string, hasBody: boolean): void;
  onBody(buffer: Buffer, start: number, end: number): void;
  onEnd(): void;
  onWindow(bytes: number): void;
}

export interface FrameReader {
  /**
   * Reads buffer[start, end) and calls back for every frame in it.
   *
   * @returns "" or what is wrong; then the connection must be closed, and nothing more is read
   */
  push(buffer: Buffer, start: number, end: number): string;
  /** Whether a frame has begun and not ended: a connection that ends here was cut. */
  isMidFrame(): boolean;
  /** No more callbacks, also not from the push under way. */
  stop(): void;
}

export interface EdgeFrameReader extends FrameReader {
  /** The worker has accepted an upgrade: BODY frames follow a REQUEST without a body, until END. */
  openTunnel(): void;
}

/** What a reader does with the frames of one side. */
interface Side {
  /** "" when a frame of this type may come now. Asked before its payload is read. */
  accept(type: number): string;
  /** A whole frame of any type but BODY. */
  onFrame(type: number, payload: string): string;
  onBody(buffer: Buffer, start: number, end: number): void;
}

/**
 * The edge's side: reads what a worker says, in the order of `frames.ts`. Whether a request is in
 * flight at all, and whether its BODY stays within the window, the caller has to check.
 */
export function createWorkerFrameReader(events: WorkerEvents): FrameReader {
  return createAnswerReader(events, undefined);
}

/** The same for a connection that many exchanges share. */
export function createSharedFrameReader(events: SharedEvents): FrameReader {
  return createAnswerReader(events, events);
}

function createAnswerReader(events: WorkerEvents, shared: SharedEvents | undefined): FrameReader {
  /** Of the exchange the frames belong to. */
  let answer: AnswerState = { phase: "waiting" };
  let isStream = false;
  let saidGoaway = false;

  function accept(type: number): string {
    switch (type) {
      case frame.ready:
        return !isStream && answer.phase === "waiting" ? "" : "READY within an exchange";
      case frame.inform:
      case frame.head:
      case frame.fail:
        return isDue("ready") ? "" : "an answer's head where none is due";
      case frame.body:
      case frame.end:
        return isDue("answering") ? "" : "a body without a head";
      case frame.window:
        return isNamed() ? "" : "a WINDOW of no stream";
      case frame.stream:
      case frame.abort:
        return shared === undefined ? "a stream where none was asked for" : "";
      case frame.goaway:
        return saidGoaway ? "a second GOAWAY" : "";
      default:
        return `a frame of type ${type}`;
    }
  }

  /** Whose they are is known, or there is but one. */
  function isNamed(): boolean {
    return isStream || shared === undefined;
  }

  function isDue(phase: "ready" | "answering"): boolean {
    return isNamed() && (answer.phase === phase || answer.phase === "over");
  }

  function onFrame(type: number, payload: string): string {
    switch (type) {
      case frame.stream:
      case frame.abort:
        return payload.length === 4 ? onStreamFrame(type, readNumber(payload)) : "no number";
      case frame.goaway:
        if (payload !== "") return "a payload where there is none";
        saidGoaway = true;
        events.onGoaway();
        return "";
      default:
        return answer.phase === "over" ? "" : onAnswerFrame(answer, type, payload);
    }
  }

  function onStreamFrame(type: number, id: number): string {
    if (type === frame.abort) {
      shared?.onAbort(id);
    } else {
      isStream = true;
      answer = shared?.onStream(id) ?? over;
    }
    return "";
  }

  function onAnswerFrame(state: AnswerState, type: number, payload: string): string {
    switch (type) {
      case frame.ready:
        if (payload.length !== 1) return "READY without a version";
        state.phase = "ready";
        events.onReady(payload.charCodeAt(0));
        return "";
      case frame.inform:
        events.onInform(payload);
        return "";
      case frame.head:
        state.phase = "answering";
        events.onHead(payload);
        return "";
      case frame.window:
        return readWindow(payload, events);
      default:
    }
    if (payload !== "") return "a payload where there is none";
    state.phase = "waiting";
    if (type === frame.end) events.onEnd();
    else events.onFail();
    return "";
  }

  return createFrameReader({
    accept,
    onFrame,
    onBody(buffer, start, end) {
      if (answer.phase !== "over") events.onBody(buffer, start, end);
    },
  });
}

/** The worker's side: reads what an edge says. */
export function createEdgeFrameReader(events: EdgeEvents): EdgeFrameReader {
  let inBody = false;

  function accept(type: number): string {
    switch (type) {
      case frame.request:
      case frame.requestBody:
        return inBody ? "a request within a request's body" : "";
      case frame.body:
      case frame.end:
        return inBody ? "" : "a body without a request";
      case frame.window:
        return "";
      default:
        return `a frame of type ${type}`;
    }
  }

  function onFrame(type: number, payload: string): string {
    if (type === frame.window) return readWindow(payload, events);
    if (type === frame.end) {
      if (payload !== "") return "a payload where there is none";
      inBody = false;
      events.onEnd();
      return "";
    }
    inBody = type === frame.requestBody;
    events.onRequest(payload, inBody);
    return "";
  }

  const reader = createFrameReader({
    accept,
    onFrame,
    onBody: (buffer, start, end) => events.onBody(buffer, start, end),
  });
  return {
    ...reader,
    openTunnel: () => {
      inBody = true;
    },
  };
}

function readWindow(payload: string, events: Pick<WorkerEvents, "onWindow">): string {
  if (payload.length !== 4) return "WINDOW without a number";
  events.onWindow(readNumber(payload));
  return "";
}

/** Four bytes, the lowest first. */
function readNumber(payload: string): number {
  const low = payload.charCodeAt(0) | (payload.charCodeAt(1) << 8) | (payload.charCodeAt(2) << 16);
  return low + payload.charCodeAt(3) * 2 ** 24;
}

function createFrameReader(side: Side): FrameReader {
  let headerBytes = 0;
  let length = 0;
  let type = 0;
  let remaining = 0;
  let inPayload = false;
  let payload = "";
  let stopped = false;

  function push(buffer: Buffer, start: number, end: number): string {
    let at = start;
    while (at < end && !stopped) {
      if (!inPayload) {
        const byte = buffer[at++] as number;
        if (headerBytes < frameHeaderBytes - 1) {
          length += byte << (8 * headerBytes);
          headerBytes++;
          continue;
        }
        type = byte;
        remaining = length;
        headerBytes = 0;
        length = 0;
        payload = "";
        const problem = checkFrame();
        if (problem !== "") return fail(problem);
        inPayload = true;
      }
      const until = Math.min(end, at + remaining);
      const from = at;
      at = until;
      remaining -= until - from;
      if (remaining === 0) inPayload = false;
      if (type === frame.body) {
        if (until > from) side.onBody(buffer, from, until);
      } else {
        payload += buffer.toString("latin1", from, until);
        const problem = inPayload ? "" : side.onFrame(type, payload);
        if (problem !== "") return fail(problem);
      }
    }
    return "";
  }

  function checkFrame(): string {
    if (type === frame.body) {
      if (remaining === 0) return "an empty BODY";
      if (remaining > maxBodyPayload) return "a BODY is too long";
    } else if (remaining > maxFramePayload) {
      return "a frame is too long";
    }
    return side.accept(type);
  }

  function fail(problem: string): string {
    stopped = true;
    return problem;
  }

  return {
    push,
    isMidFrame: () => inPayload || headerBytes > 0,
    stop: () => {
      stopped = true;
    },
  };
}
