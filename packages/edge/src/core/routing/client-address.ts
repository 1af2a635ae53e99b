/**
 * Who asks. The peer of the connection, unless that is a trusted proxy: then X-Forwarded-For is
 * walked from right to left, as each proxy appended what it saw, up to the first address that is
 * not a trusted proxy's. What lies left of that is the client's own invention.
 */

/** True or false for an IP address by whether it is a trusted proxy's, undefined for anything else. */
export type TrustCheck = (address: string) => boolean | undefined;

export interface ForwardedFields {
  /** All X-Forwarded-For lines joined by ","; undefined when there is none. */
  readonly forwardedFor: string | undefined;
  readonly forwardedProto: string | undefined;
}

export interface Client {
  readonly address: string;
  /** 0 when the client was told of by a proxy that named no port. */
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly trusted: boolean;
}

/** Only for a trusted peer: for any other the peer itself is the client. */
export function decideForwardedClient(
  peer: { readonly address: string; readonly port: number; readonly scheme: "http" | "https" },
  fields: ForwardedFields,
  isTrusted: TrustCheck,
): Client {
  const scheme = forwardedScheme(fields.forwardedProto) ?? peer.scheme;
  let client = { address: peer.address, port: peer.port };
  const hops = fields.forwardedFor === undefined ? [] : fields.forwardedFor.split(",");
  for (const hop of hops.reverse()) {
    const parsed = parseHop(hop.trim());
    const trust = parsed === undefined ? undefined : isTrusted(parsed.address);
    // "unknown", "_hidden" or nonsense: nothing left of it can be believed (RFC 7239 §6).
    if (parsed === undefined || trust === undefined) break;
    client = parsed;
    if (!trust) break;
  }
  return { ...client, scheme, trusted: true };
}

/** "::ffff:192.0.2.7", as a dual-stack socket names an IPv4 peer, to "192.0.2.7"; no zone. */
export function plainAddress(address: string): string {
  const zone = address.indexOf("%");
  const bare = zone < 0 ? address : address.slice(0, zone);
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice("::ffff:".length) : bare;
}

/** "192.0.2.7", "192.0.2.7:4711", "2001:db8::1", "[2001:db8::1]:4711". */
function parseHop(text: string): { address: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text);
  if (match !== null) {
    return { address: plainAddress(match[1] ?? match[2] ?? ""), port: Number(match[3] ?? 0) };
  }
  return /^[0-9a-fA-F:.]+$/.test(text) ? { address: plainAddress(text), port: 0 } : undefined;
}

/** The rightmost value: a proxy may have appended its own to one the client made up. */
function forwardedScheme(value: string | undefined): "http" | "https" | undefined {
  const last = value
    ?.slice(value.lastIndexOf(",") + 1)
    .trim()
    .toLowerCase();
  return last === "http" || last === "https" ? last : undefined;
}
