/**
 * What a store keeps, whatever the store: opaque text and bytes, and the few facts it needs to
 * forget them in time. What `meta` says is the policy's business (`policy/encode-stored.ts`).
 */

/** What a store keeps: opaque text and bytes. */
export interface CacheRecord {
  /** Latin-1. */
  readonly meta: string;
  /** Owned by the receiver. */
  readonly body: Buffer;
  /** Milliseconds since 1970; compared with purges. */
  readonly storedAt: number;
  /** Milliseconds since 1970; of no use after it. */
  readonly keepUntil: number;
  readonly tags: readonly string[];
}
