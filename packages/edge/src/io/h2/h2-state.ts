/** What the frames of one HTTP/2 connection are judged by, and what they change. */
import { performance } from "node:perf_hooks";
import {
  createHpackDecoder,
  createHpackEncoder,
  type HpackDecoder,
  type HpackEncoder,
} from "@stack/protocols";
import { h2ErrorCodes } from "../../core/h2/error-codes.ts";
import { createFloodGuard, type FloodGuard, type FloodKind } from "../../core/h2/flood-guard.ts";
import type { OpenBlock } from "../../core/h2/open-block.ts";
import type { Span } from "../../core/h2/payloads.ts";
import { createPeerSettings, type PeerSettings } from "../../core/h2/peer-settings.ts";
import { createStreamIds, type StreamIds } from "../../core/h2/stream-ids.ts";
import type { ClientConnection } from "../client/client-state.ts";
import type { ThreadContext } from "../thread/thread-context.ts";
import type { Outlet } from "./h2-outlet.ts";
import type { H2Stream } from "./h2-stream.ts";

export const maxStreams = 100;
/** Of the bodies of all requests together; it is given back as they come. */
export const connectionWindow = 1024 * 1024;
const tableBytes = 4_096;

export interface H2State {
  readonly thread: ThreadContext;
  readonly facts: ClientConnection["facts"];
  readonly outlet: Outlet;
  /** Those that are open. */
  readonly streams: Map<number, H2Stream>;
  readonly ids: StreamIds;
  readonly floods: FloodGuard;
  readonly settings: PeerSettings;
  readonly decoder: HpackDecoder;
  readonly encoder: HpackEncoder;
  /** The most that the fields of one request may be. */
  readonly listBytes: number;
  /** A header block whose end is still to come. */
  block: OpenBlock | undefined;
  /** Bytes of bodies that came and were not given back to the connection's window. */
  taken: number;
  /** Answers that were wanted to their end, less the resets that are forgiven for them. */
  answered: number;
  /** No new requests from here on. */
  isClosing: boolean;
  readonly closing: H2Closing;
  /** Scratch: where in a frame what is wanted lies. */
  readonly span: Span;
}

/** How streams and the connection end; see `h2-connection.ts`. */
export interface H2Closing {
  /** RST_STREAM, for a reason that is ours. */
  readonly reset: (stream: H2Stream, code: number) => void;
  /** Both sides have said their end. */
  readonly endStream: (stream: H2Stream) => void;
  /** The stream is over, whoever ended it. */
  readonly close: (stream: H2Stream) => void;
  readonly startClosing: () => void;
}

export function createH2State(
  thread: ThreadContext,
  facts: ClientConnection["facts"],
  outlet: Outlet,
  closing: H2Closing,
): H2State {
  const { limits } = thread.active.plan;
  const listBytes = Math.max(limits.headerBytes, 16 * 1024);
  return {
    thread,
    facts,
    outlet,
    streams: new Map(),
    ids: createStreamIds(),
    floods: createFloodGuard(),
    settings: createPeerSettings(),
    // How many fields there may be is said when crumbs of a cookie are one again (RFC 9113 §8.2.3).
    decoder: createHpackDecoder({ tableBytes, listBytes }),
    encoder: createHpackEncoder(),
    listBytes,
    block: undefined,
    taken: 0,
    answered: 0,
    isClosing: false,
    closing,
    span: { from: 0, to: 0 },
  };
}

/** 0, or the code to end the connection with. */
export function countFlood(state: H2State, kind: FloodKind): number {
  return state.floods.count(kind, performance.now()) ? h2ErrorCodes.enhanceYourCalm : 0;
}
