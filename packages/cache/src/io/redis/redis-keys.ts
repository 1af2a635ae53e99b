/**
 * The names of what the cache keeps in Redis: `NAMESPACE:1:{…}`, where 1 is the version of the format.
 * The braces keep what belongs to one record, and the two logs, on one server of a cluster.
 */
import { hash } from "node:crypto";

export interface RedisKeys {
  readonly record: (key: string) => string;
  readonly chunk: (record: string, index: number) => string;
  readonly lease: (record: string) => string;
  readonly isRecord: (name: string) => boolean;
  readonly pattern: string;
  readonly purges: string;
  /** Leases that were given back while somebody waited. */
  readonly fills: string;
}

export function createRedisKeys(namespace: string): RedisKeys {
  const prefix = `${namespace}:1:`;
  return {
    record: (key) => `${prefix}{${hash("sha1", key, "base64url")}}`,
    chunk: (record, index) => `${record}:c${index}`,
    lease: (record) => `${record}:l`,
    isRecord: (name) => name.startsWith(prefix) && name.endsWith("}"),
    pattern: `${prefix.replaceAll(/[*?[\]\\]/g, "\\$&")}{*}`,
    purges: `${prefix}{log}:purges`,
    fills: `${prefix}{log}:fills`,
  };
}
