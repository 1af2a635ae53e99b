/**
 * Frames to write, as latin-1 strings, so that a head and its frame header are one string and one
 * write. A body is written as `bodyFrameStart(n)` and then its n bytes (a copy, where they lie in
 * a shared read buffer).
 */
import { type CgiBlock, frame, workerProtocolVersion } from "./frames.ts";

/** The four bytes before a payload of `length` bytes. */
export function frameStart(type: number, length: number): string {
  return String.fromCharCode(length & 255, (length >> 8) & 255, (length >> 16) & 255, type);
}

/** A whole request head; with `hasBody` BODY frames and END follow. */
export function encodeRequest(block: CgiBlock, hasBody: boolean): string {
  return frameStart(hasBody ? frame.requestBody : frame.request, block.length) + block;
}

/** The start of a BODY frame of 1 to `maxBodyPayload` bytes. */
export function bodyFrameStart(length: number): string {
  return frameStart(frame.body, length);
}

/** END: the body is complete. */
export const endFrame: string = frameStart(frame.end, 0);

/** WINDOW: room for `bytes` more. */
export function encodeWindow(bytes: number): string {
  return frameStart(frame.window, 4) + littleEndian(bytes);
}

/** STREAM: what follows belongs to this exchange. */
export function encodeStream(id: number): string {
  return frameStart(frame.stream, 4) + littleEndian(id);
}

/** ABORT: this exchange is over. */
export function encodeAbort(id: number): string {
  return frameStart(frame.abort, 4) + littleEndian(id);
}

/** READY, of a worker. */
export const readyFrame: string =
  frameStart(frame.ready, 1) + String.fromCharCode(workerProtocolVersion);

/** FAIL, of a worker. */
export const failFrame: string = frameStart(frame.fail, 0);

/** GOAWAY, of a worker. */
export const goawayFrame: string = frameStart(frame.goaway, 0);

/** HEAD of a worker; `text` is `200 OK\r\nName: value\r\n…`. */
export function encodeHead(text: string): string {
  return frameStart(frame.head, text.length) + text;
}

/** INFORM of a worker: a 1xx head in the form of HEAD. */
export function encodeInform(text: string): string {
  return frameStart(frame.inform, text.length) + text;
}

function littleEndian(value: number): string {
  return String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24);
}
