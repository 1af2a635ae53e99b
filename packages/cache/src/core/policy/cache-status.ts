/** The Cache-Status line (RFC 9211): what the cache did with a request, for whoever looks into it. */
import type { ForwardReason } from "./decide-serve.ts";

export interface CacheStatus {
  /** A token: who speaks. */
  readonly cache: string;
  readonly hit: boolean;
  /** Why the request went to the app; undefined for a hit. */
  readonly forward?: ForwardReason | undefined;
  /** Status of the app's answer, where it differs from the one sent. */
  readonly forwardStatus?: number | undefined;
  /** Seconds of freshness left; negative for a stale answer. */
  readonly ttl?: number | undefined;
  readonly stored?: boolean;
  /** It waited for another request's answer. */
  readonly collapsed?: boolean;
  /** A token. */
  readonly detail?: string | undefined;
}

/** With its CRLF. */
export function formatCacheStatus(status: CacheStatus): string {
  let line = `Cache-Status: ${status.cache}`;
  if (status.hit) line += "; hit";
  if (status.forward !== undefined) line += `; fwd=${status.forward}`;
  if (status.forwardStatus !== undefined) line += `; fwd-status=${status.forwardStatus}`;
  if (status.ttl !== undefined) line += `; ttl=${status.ttl}`;
  if (status.stored === true) line += "; stored";
  if (status.collapsed === true) line += "; collapsed";
  if (status.detail !== undefined && status.detail !== "") line += `; detail=${status.detail}`;
  return `${line}\r\n`;
}
