/**
 * Buffers of one size, used again and again: fresh memory for every chunk of a large answer costs
 * more than copying it. A chunk that is not given back is left to the garbage collector.
 */

export interface ChunkPool {
  readonly chunkBytes: number;
  readonly take: () => Buffer;
  /** Only when nobody holds it any more, the kernel included (`Exchange.isFlushed`). */
  readonly give: (chunk: Buffer) => void;
}

/** @param kept at most this many are held while nobody uses them */
export function createChunkPool(chunkBytes: number, kept: number): ChunkPool {
  const free: Buffer[] = [];
  return {
    chunkBytes,
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(chunkBytes),
    give(chunk) {
      if (free.length < kept) free.push(chunk);
    },
  };
}
