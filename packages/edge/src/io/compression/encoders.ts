/**
 * The encoders of Node, at levels that cost little (their work runs on the pool that also reads
 * files), and how many may run at once.
 */
import type { Transform } from "node:stream";
import { promisify } from "node:util";
import zlib, { constants } from "node:zlib";
import type { Encoding } from "@stack/config";

/** Started only while no more than this many are at work in this thread. */
const maxBusy = 4;
/** Each holds up to two megabytes. */
const maxOpen = 64;

const chunkSize = 32 * 1024;
const highWaterMark = 128 * 1024;

/** What one thread has at work. */
export interface EncoderLoad {
  open: number;
  busy: number;
}

export interface Encoder {
  readonly stream: Transform & { flush(kind?: number, callback?: () => void): void };
  readonly flushKind: number;
}

export function hasCapacity(load: EncoderLoad): boolean {
  return load.busy < maxBusy && load.open < maxOpen;
}

/** @param length of the body; negative when unknown */
export function openEncoder(encoding: Encoding, length: number): Encoder {
  switch (encoding) {
    case "br":
      return {
        stream: zlib.createBrotliCompress({
          chunkSize,
          highWaterMark,
          params: brotliParams(length),
        } as zlib.BrotliOptions),
        flushKind: constants.BROTLI_OPERATION_FLUSH,
      };
    case "zstd":
      return {
        stream: zlib.createZstdCompress({
          chunkSize,
          highWaterMark,
          params: zstdParams,
        } as zlib.ZstdOptions),
        flushKind: constants.ZSTD_e_flush,
      };
    case "gzip":
      return {
        stream: zlib.createGzip({ chunkSize, highWaterMark, level: 6 } as zlib.ZlibOptions),
        flushKind: constants.Z_SYNC_FLUSH,
      };
  }
}

const brotli = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);
const zstd = promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdCompress);
const gzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);

/** All of a body at once. */
export function encodeWhole(body: Buffer, encoding: Encoding): Promise<Buffer> {
  switch (encoding) {
    case "br":
      return brotli(body, { params: brotliParams(body.length) });
    case "zstd":
      return zstd(body, { params: zstdParams });
    case "gzip":
      return gzip(body, { level: 6 });
  }
}

const zstdParams = { [constants.ZSTD_c_compressionLevel]: 3 };

function brotliParams(length: number): Record<number, number> {
  return {
    [constants.BROTLI_PARAM_QUALITY]: 4,
    [constants.BROTLI_PARAM_LGWIN]: 19,
    ...(length > 0 ? { [constants.BROTLI_PARAM_SIZE_HINT]: length } : {}),
  };
}
