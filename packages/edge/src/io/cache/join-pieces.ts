/** The pieces of a body as one. */
import type { Bytes } from "../exchange.ts";

export function joinPieces(pieces: readonly Bytes[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)),
  );
}
