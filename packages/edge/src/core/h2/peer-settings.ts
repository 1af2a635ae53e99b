/** The SETTINGS of a client (RFC 9113 §6.5.2), those that mean something to us. */
import { h2ErrorCodes } from "./error-codes.ts";
import type { Frame } from "./frame-reader.ts";
import { firstWindow, maxPayloadBytes, mostWindow, settingId, uint32At } from "./frames.ts";

export interface PeerSettings {
  /** What each stream's window begins with. */
  initialWindow: number;
}

const settingBytes = 6;
/** More in one frame are a flood. */
const mostSettings = 32;
const mostPayload = 2 ** 24 - 1;

export function createPeerSettings(): PeerSettings {
  return { initialWindow: firstWindow };
}

/**
 * Reads a frame of SETTINGS.
 *
 * @param limitTable told of each size of the table for header blocks, in turn (RFC 7541 §4.2)
 * @returns 0, or the code to end the connection with
 */
export function readSettings(
  settings: PeerSettings,
  { bytes, start, end }: Frame,
  limitTable: (bytes: number) => void,
): number {
  if ((end - start) % settingBytes !== 0) return h2ErrorCodes.frameSizeError;
  if (end - start > mostSettings * settingBytes) return h2ErrorCodes.enhanceYourCalm;
  for (let at = start; at < end; at += settingBytes) {
    const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    const value = uint32At(bytes, at + 2) >>> 0;
    switch (id) {
      case settingId.headerTableSize:
        limitTable(value);
        break;
      case settingId.enablePush:
        if (value > 1) return h2ErrorCodes.protocolError;
        break;
      case settingId.initialWindowSize:
        if (value > mostWindow) return h2ErrorCodes.flowControlError;
        settings.initialWindow = value;
        break;
      case settingId.maxFrameSize:
        if (value < maxPayloadBytes || value > mostPayload) return h2ErrorCodes.protocolError;
        break;
      default:
    }
  }
  return 0;
}
