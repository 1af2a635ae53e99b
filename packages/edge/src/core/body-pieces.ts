/**
 * Pieces of a body that are kept: a client that sends byte by byte must not cost an object for each.
 * Small ones are joined in blocks; those that came large stay as they are.
 */

const blockBytes = 8 * 1024;

/**
 * Keeps a piece at the end of `pieces`.
 *
 * @param block what the last call gave
 * @returns the block that the last of the pieces lies at the beginning of, if it does in one
 */
export function appendPiece(
  pieces: Buffer[],
  piece: Buffer,
  block: Buffer | undefined,
): Buffer | undefined {
  const last = pieces.at(-1);
  const length = (last?.length ?? blockBytes) + piece.length;
  if (last === undefined || length > blockBytes) {
    pieces.push(piece);
    return undefined;
  }
  const isInBlock = block !== undefined && last.buffer === block.buffer;
  const home = isInBlock ? block : Buffer.allocUnsafeSlow(blockBytes);
  if (!isInBlock) last.copy(home);
  piece.copy(home, last.length);
  pieces[pieces.length - 1] = home.subarray(0, length);
  return home;
}
