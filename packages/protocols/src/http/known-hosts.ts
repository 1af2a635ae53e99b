/**
 * Host values already judged: the same few come with every request. Bounded, since clients choose
 * them; only valid ones are kept, as copies.
 */
import { flatCopy } from "./flat.ts";
import { type Authority, parseAuthority } from "./host.ts";

const maxHosts = 512;
const known = new Map<string, Authority>();
/** The one asked for last: nearly always the next as well, and comparing is cheaper than hashing. */
let lastValue = "";
let lastAuthority: Authority | undefined;

/** The authority in a Host value; undefined when it is invalid. The object is shared: read only. */
export function authorityOf(value: string): Readonly<Authority> | undefined {
  if (value === lastValue) return lastAuthority;
  const found = known.get(value);
  if (found !== undefined) {
    if (found.text === value) remember(found.text, found);
    return found;
  }
  const authority: Authority = { host: "", port: 0, text: "" };
  if (!parseAuthority(flatCopy(value), authority)) return undefined;
  if (known.size >= maxHosts) known.clear();
  // A value written as it is forwarded is the same string, so that comparing the two costs nothing.
  const key = authority.text === value ? authority.text : flatCopy(value);
  known.set(key, authority);
  remember(key, authority);
  return authority;
}

function remember(value: string, authority: Authority): void {
  lastValue = value;
  lastAuthority = authority;
}
