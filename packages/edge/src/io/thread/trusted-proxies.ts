/** `edge.trustedProxies` as a question: is this address a trusted proxy's? Built once per plan. */
import { BlockList, isIP } from "node:net";
import type { TrustCheck } from "../../core/routing/client-address.ts";

/**
 * @param ranges addresses and CIDR ranges, checked by the config; "unix:" trusts peers on Unix
 *   sockets, whose address is ""
 */
export function createTrustCheck(ranges: readonly string[]): TrustCheck {
  const list = new BlockList();
  let trustsUnix = false;
  for (const range of ranges) {
    if (range === "unix:") trustsUnix = true;
    else addRange(list, range);
  }
  const isEmpty = list.rules.length === 0;
  return (address) => {
    if (address === "") return trustsUnix;
    const version = isIP(address);
    if (version === 0) return undefined;
    return !isEmpty && list.check(address, version === 4 ? "ipv4" : "ipv6");
  };
}

function addRange(list: BlockList, range: string): void {
  const slash = range.indexOf("/");
  const address = slash < 0 ? range : range.slice(0, slash);
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (slash < 0) list.addAddress(address, family);
  else list.addSubnet(address, Number(range.slice(slash + 1)), family);
}
