/**
 * The frames that are no part of a request: SETTINGS, PING, GOAWAY, WINDOW_UPDATE and PRIORITY (RFC 9113 §6.3,
 * §6.5, §6.7, §6.8, §6.9). Each takes one frame and returns 0, or the code to end the connection with.
 */
import { h2ErrorCodes as code } from "../../core/h2/error-codes.ts";
import type { Frame } from "../../core/h2/frame-reader.ts";
import { frameFlag, mostWindow, pingAck, settingsAck, uint31At } from "../../core/h2/frames.ts";
import { readSettings } from "../../core/h2/peer-settings.ts";
import { countFlood, type H2State } from "./h2-state.ts";
import { blame } from "./request-frames.ts";

/** RFC 7540 §5.3.1, §6.3; RFC 9113 §5.3.2 wants no more of it. */
export function takePriority(state: H2State, { stream: id, bytes, start, end }: Frame): number {
  if (id === 0) return code.protocolError;
  if (end - start !== 5) return code.frameSizeError;
  return uint31At(bytes, start) === id ? code.protocolError : countFlood(state, "idle");
}

export function takeSettings(state: H2State, frame: Frame): number {
  const { settings, encoder, outlet } = state;
  const { flags, stream: id, start, end } = frame;
  if (id !== 0) return code.protocolError;
  if ((flags & frameFlag.ack) !== 0) {
    return end > start ? code.frameSizeError : countFlood(state, "idle");
  }
  const before = settings.initialWindow;
  const problem = readSettings(settings, frame, encoder.limitTable);
  if (problem !== 0) return problem;
  const change = settings.initialWindow - before;
  for (const stream of change === 0 ? [] : state.streams.values()) {
    stream.sendWindow += change;
    if (stream.sendWindow > mostWindow) return code.flowControlError;
    if (stream.waiting > 0) outlet.list(stream);
  }
  outlet.put(settingsAck);
  return countFlood(state, "settings");
}

export function takePing(state: H2State, { flags, stream: id, bytes, start, end }: Frame): number {
  if (id !== 0) return code.protocolError;
  if (end - start !== 8) return code.frameSizeError;
  if ((flags & frameFlag.ack) !== 0) return countFlood(state, "idle");
  state.outlet.put(pingAck(bytes.toString("latin1", start, end)));
  return countFlood(state, "pings");
}

export function takeGoaway(state: H2State, { stream: id, start, end }: Frame): number {
  if (id !== 0) return code.protocolError;
  if (end - start < 8) return code.frameSizeError;
  state.closing.startClosing();
  return countFlood(state, "idle");
}

export function takeWindowUpdate(state: H2State, frame: Frame): number {
  const { outlet, ids } = state;
  const { stream: id, bytes, start, end } = frame;
  if (end - start !== 4) return code.frameSizeError;
  const increment = uint31At(bytes, start);
  if (id === 0) {
    if (increment === 0) return code.protocolError;
    return outlet.widen(increment) ? countUpdate(state) : code.flowControlError;
  }
  if (id > ids.last() || id % 2 === 0) return code.protocolError;
  const stream = state.streams.get(id);
  if (stream === undefined) return countUpdate(state);
  stream.sendWindow += increment;
  if (increment === 0) return blame(state, stream, code.protocolError);
  if (stream.sendWindow > mostWindow) return blame(state, stream, code.flowControlError);
  if (stream.waiting > 0) outlet.list(stream);
  return countUpdate(state);
}

/** A client that reads fast says so often. */
function countUpdate(state: H2State): number {
  return state.outlet.explainsUpdate() ? 0 : countFlood(state, "idle");
}
