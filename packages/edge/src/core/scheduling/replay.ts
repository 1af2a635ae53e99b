/** Whether a request that lost its worker may be given to another (RFC 9110 §9.2.2). */

/** What is decided upon: an exchange whose answer has not begun. */
interface ReplayFacts {
  readonly begun: boolean;
  readonly done: boolean;
  readonly bodyComplete: boolean;
  readonly head: { readonly method: string };
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** How often a request that no worker has seen may look for another one. */
const maxUnreached = 5;

/** Sending it twice has the effect of sending it once. */
export function isIdempotent(method: string): boolean {
  return idempotent.has(method);
}

/**
 * @param outcome `unreached`: no byte of it was taken, so any method may be sent again
 * @param attempts workers that had it
 */
export function isReplayable(
  exchange: ReplayFacts,
  outcome: "unreached" | "lost",
  attempts: number,
): boolean {
  if (exchange.begun || exchange.done || !exchange.bodyComplete) return false;
  if (outcome === "unreached") return attempts <= maxUnreached;
  return attempts <= 1 && isIdempotent(exchange.head.method);
}

/**
 * Whether a request may be sent to a worker that is still busy, and taken back: the worker may come to it
 * at that very moment, so it must be safe (RFC 9110 §9.2.1), and it never lost a worker before.
 */
export function isSentAhead(
  exchange: ReplayFacts & { readonly bodyLength: number; readonly upgrade: string },
  attempts: number,
): boolean {
  const { method } = exchange.head;
  if (method !== "GET" && method !== "HEAD") return false;
  return attempts === 0 && exchange.bodyLength === 0 && exchange.upgrade === "";
}
