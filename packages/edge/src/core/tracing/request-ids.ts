/**
 * Names for requests: ids that are unique without being random each time, and W3C trace contexts
 * (https://www.w3.org/TR/trace-context/), whose parts must be random.
 */

/** Random bytes, as many as asked for; a view that is used up before the next call. */
export type RandomBytes = (count: number) => Buffer;

/**
 * Ids of one thread: a random beginning, then a count. Two threads, or two edges, share a beginning
 * about as often as two of 2^72 numbers are equal.
 */
export function createRequestIds(random: RandomBytes): () => string {
  const prefix = random(9).toString("base64url");
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** Whether an id that a trusted proxy sent can be passed on, logged and answered as it is. */
export function isRequestId(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9+/=._:@-]{1,128}$/.test(text);
}

/** The trace id of a `traceparent`; undefined when it is not valid (§3.2.2: then it is ignored). */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(
    traceparent ?? "",
  );
  if (match === null) return undefined;
  const [, version = "", trace = "", parent = "", rest] = match;
  const isKnown = version !== "ff" && (version !== "00" || rest === undefined);
  return isKnown && /[^0]/.test(trace) && /[^0]/.test(parent) ? trace : undefined;
}

/** A trace that begins here, to be recorded: who samples is downstream of us. */
export function beginTrace(random: RandomBytes): { traceparent: string; traceId: string } {
  const hex = random(24).toString("hex");
  const traceId = hex.slice(0, 32);
  return { traceparent: `00-${traceId}-${hex.slice(32)}-01`, traceId };
}
