/** Bodies that come in frames (HTTP/2, FastCGI): their pieces and their end. Each is called in a guard. */
import { afterPieces, failByClient, takePiece } from "./client-body.ts";
import type { ClientConnection } from "./client-state.ts";

export function takeFrame(
  { exchange }: ClientConnection,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (exchange === undefined || exchange.done || exchange.bodyEnded) return;
  if (exchange.bodyReceived + end - start > exchange.plan.limits.bodyBytes) {
    failByClient(exchange, 413, "the body is longer than this server accepts");
    return;
  }
  takePiece(exchange, buffer, start, end);
  if (!exchange.done) afterPieces(exchange);
}

/** Not called for a body that broke off. */
export function endFrames({ exchange }: ClientConnection): void {
  if (exchange === undefined || exchange.done || exchange.bodyEnded) return;
  if (exchange.bodyLength >= 0 && exchange.bodyReceived !== exchange.bodyLength) {
    failByClient(exchange, 400, "the body was cut short");
    return;
  }
  exchange.bodyEnded = true;
  afterPieces(exchange);
}
