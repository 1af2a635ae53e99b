/** Who the client is, where trusted proxies stand before us. */

/**
 * Walks X-Forwarded-For from the right past every trusted proxy to the first address that is not
 * one; where all are trusted, the leftmost. What is not an address ends the walk.
 *
 * @param xForwardedFor all its values joined by commas (`headerValue`)
 * @param isTrusted whether an address belongs to `trustedProxies`
 */
export function resolveClientAddress(
  peerAddress: string,
  xForwardedFor: string | undefined,
  isTrusted: (address: string) => boolean,
): string {
  let client = peerAddress;
  if (xForwardedFor === undefined || !isTrusted(peerAddress)) return client;
  const hops = xForwardedFor.split(",");
  for (let index = hops.length - 1; index >= 0; index--) {
    const hop = addressOf(hops[index] ?? "");
    if (hop === "") return client;
    client = hop;
    if (!isTrusted(hop)) return client;
  }
  return client;
}

/** The address in "1.2.3.4", "1.2.3.4:5678", "::1", "[::1]", "[::1]:5678"; "" for anything else. */
function addressOf(hop: string): string {
  const match =
    /^[\t ]*(?:([0-9.]{7,15})(?::\d+)?|\[([0-9a-fA-F:.]{2,45})\](?::\d+)?|([0-9a-fA-F:.]{2,45}))[\t ]*$/.exec(
      hop,
    );
  return match?.[1] ?? match?.[2] ?? match?.[3] ?? "";
}
