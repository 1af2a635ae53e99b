/**
 * Frames as they arrive, over a read buffer that others use after us: payloads of BODY are passed
 * on in place, in the pieces in which they come; of every other frame only an incomplete tail is
 * kept, as a copy. A frame that has no place where it comes is a problem, and the connection's end.
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

/** The edge's side: reads what a worker says. */
export function createWorkerFrameReader(events: WorkerEvents): FrameReader {
  return createFrameReader((type, payload) => {
    switch (type) {
      case frame.ready:
        if (payload.length !== 1) return "READY without a version";
        events.onReady(payload.charCodeAt(0));
        return "";
      case frame.inform:
        events.onInform(payload);
        return "";
      case frame.head:
        events.onHead(payload);
        return "";
      case frame.end:
        events.onEnd();
        return emptyOrProblem(payload);
      case frame.fail:
        events.onFail();
        return emptyOrProblem(payload);
      case frame.window:
        return readWindow(payload, events);
      case frame.goaway:
        events.onGoaway();
        return emptyOrProblem(payload);
      default:
        return `a frame of type ${type} from a worker`;
    }
  }, events);
}

/** The worker's side: reads what an edge says. */
export function createEdgeFrameReader(events: EdgeEvents): FrameReader {
  return createFrameReader((type, payload) => {
    switch (type) {
      case frame.request:
      case frame.requestBody:
        events.onRequest(payload, type === frame.requestBody);
        return "";
      case frame.end:
        events.onEnd();
        return emptyOrProblem(payload);
      case frame.window:
        return readWindow(payload, events);
      default:
        return `a frame of type ${type} from an edge`;
    }
  }, events);
}

function emptyOrProblem(payload: string): string {
  return payload === "" ? "" : "a payload where there is none";
}

function readWindow(payload: string, events: Pick<WorkerEvents, "onWindow">): string {
  if (payload.length !== 4) return "WINDOW without a number";
  const low = payload.charCodeAt(0) | (payload.charCodeAt(1) << 8) | (payload.charCodeAt(2) << 16);
  events.onWindow(low + payload.charCodeAt(3) * 2 ** 24);
  return "";
}

function createFrameReader(
  onFrame: (type: number, payload: string) => string,
  events: Pick<WorkerEvents, "onBody">,
): FrameReader {
  let headerBytes = 0;
  let word = 0;
  let type = 0;
  let remaining = 0;
  let inPayload = false;
  let payload = "";
  let stopped = false;

  function push(buffer: Buffer, start: number, end: number): string {
    let at = start;
    while (!stopped && (at < end || (inPayload && remaining === 0))) {
      if (!inPayload) {
        word += (buffer[at] as number) * 2 ** (8 * headerBytes);
        at++;
        if (++headerBytes < frameHeaderBytes) continue;
        type = Math.floor(word / 2 ** 24);
        remaining = word % 2 ** 24;
        headerBytes = 0;
        word = 0;
        payload = "";
        if (remaining > (type === frame.body ? maxBodyPayload : maxFramePayload)) {
          return fail("a frame is too long");
        }
        if (type === frame.body && remaining === 0) return fail("an empty BODY");
        inPayload = true;
      }
      const until = Math.min(end, at + remaining);
      remaining -= until - at;
      if (remaining === 0) inPayload = false;
      if (type === frame.body) {
        if (until > at) events.onBody(buffer, at, until);
      } else {
        payload += buffer.toString("latin1", at, until);
        if (!inPayload) {
          const problem = onFrame(type, payload);
          if (problem !== "") return fail(problem);
        }
      }
      at = until;
    }
    return "";
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
