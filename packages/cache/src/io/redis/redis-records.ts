/**
 * One record in Redis: one value, or, with a large body, a head and chunks beside it, so that no
 * single command keeps Redis busy for long. Every chunk begins with the number its head names: chunks
 * of another writing are not mixed up with it.
 */
import { randomBytes } from "node:crypto";
import type { CacheRecord } from "../../core/cache-record.ts";
import { decodeRecord, encodeRecord, recordLength } from "../record-format.ts";
import type { RedisConnection } from "./redis-client.ts";
import type { RedisKeys } from "./redis-keys.ts";

type Call = RedisConnection["call"];

const chunkBytes = 256 * 1024;
const markBytes = 8;
const mostBytes = 64 * 1024 * 1024;

export async function writeRecord(
  call: Call,
  keys: RedisKeys,
  name: string,
  key: string,
  record: CacheRecord,
  ttlMs: number,
): Promise<void> {
  const { head, body } = encodeRecord(key, record);
  if (head.length + body.length > mostBytes) return;
  if (head.length + body.length <= chunkBytes) {
    await call("SET", name, Buffer.concat([head, body]), "PX", ttlMs);
    return;
  }
  const mark = randomBytes(markBytes);
  for (let index = 0; index * chunkBytes < body.length; index += 1) {
    const part = body.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    await call("SET", keys.chunk(name, index), Buffer.concat([mark, part]), "PX", ttlMs);
  }
  await call("SET", name, Buffer.concat([head, mark]), "PX", ttlMs);
}

/** @param value what lies under its name. Rejects when that is nothing a record can be. */
export async function readRecord(
  call: Call,
  keys: RedisKeys,
  name: string,
  key: string,
  value: unknown,
): Promise<CacheRecord | undefined> {
  if (value === null) return undefined;
  if (!Buffer.isBuffer(value)) throw new Error("an answer that makes no sense");
  const length = recordLength(value);
  if (length === undefined || length > mostBytes) return undefined;
  if (length === value.length) return decodeRecord(key, value);
  const whole = await readChunks(call, keys, name, value, length);
  return whole === undefined ? undefined : decodeRecord(key, whole);
}

export async function removeRecord(call: Call, keys: RedisKeys, name: string): Promise<void> {
  const value = await call("GETRANGE", name, 0, chunkBytes);
  const length = Buffer.isBuffer(value) ? recordLength(value) : undefined;
  const chunks = length === undefined || length <= chunkBytes ? 0 : Math.ceil(length / chunkBytes);
  const names = Array.from({ length: chunks }, (_, index) => keys.chunk(name, index));
  await call("DEL", name, ...names);
}

async function readChunks(
  call: Call,
  keys: RedisKeys,
  name: string,
  value: Buffer,
  length: number,
): Promise<Buffer | undefined> {
  const head = value.subarray(0, -markBytes);
  const mark = value.subarray(-markBytes);
  const count = Math.ceil((length - head.length) / chunkBytes);
  const names = Array.from({ length: count }, (_, index) => keys.chunk(name, index));
  const chunks = await call("MGET", ...names);
  if (!Array.isArray(chunks)) throw new Error("an answer that makes no sense");
  const parts: Buffer[] = [head];
  for (const chunk of chunks as unknown[]) {
    if (!(Buffer.isBuffer(chunk) && chunk.subarray(0, markBytes).equals(mark))) return undefined;
    parts.push(chunk.subarray(markBytes));
  }
  return Buffer.concat(parts);
}
