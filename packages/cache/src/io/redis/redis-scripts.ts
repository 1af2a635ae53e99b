/** What Redis does in one go, so that a miss costs one round trip. */
import { hash } from "node:crypto";
import type { RedisConnection } from "./redis-client.ts";

export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/**
 * The record, else the lease. Answers the record; or 1, the lease is ours; or 0 and the milliseconds
 * that somebody else still has it, who is told by a "+" that others wait. Where Redis cannot write
 * (full, read-only) everybody has the lease.
 */
export const getOrLeaseScript = script(`
local record = redis.call('GET', KEYS[1])
if record then return record end
local set = redis.pcall('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
if set then return {1} end
local holder = redis.call('GET', KEYS[2])
if holder and string.sub(holder, -1) ~= '+' then redis.pcall('APPEND', KEYS[2], '+') end
return {0, redis.call('PTTL', KEYS[2])}
`);

/** The same without looking for the record. */
export const leaseScript = script(`
local set = redis.pcall('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
if set then return {1} end
local holder = redis.call('GET', KEYS[1])
if holder and string.sub(holder, -1) ~= '+' then redis.pcall('APPEND', KEYS[1], '+') end
return {0, redis.call('PTTL', KEYS[1])}
`);

/** Gives a lease back if it is still ours; 1 when somebody waits. */
export const releaseScript = script(`
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('DEL', KEYS[1]) return 0 end
if holder == ARGV[1] .. '+' then redis.call('DEL', KEYS[1]) return 1 end
return 0
`);

export async function runScript(
  call: RedisConnection["call"],
  { text, sha }: RedisScript,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await call("EVALSHA", sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return call("EVAL", text, keys.length, ...keys, ...args);
  }
}

function script(text: string): RedisScript {
  return { text, sha: hash("sha1", text) };
}
