/** What requests are counted by: an address, a header, a cookie, or the route as a whole. */
import type { RequestKeyPlan } from "@stack/config";
import { headerValue, type RequestHead } from "@stack/protocols";

/** Longer values are cut: a client must not make us hash all it can send. */
const longestKey = 256;

/** Compiled once per route. The key is latin-1 text. */
export function createRequestKey(
  plan: RequestKeyPlan,
): (head: RequestHead, clientAddress: string) => string {
  switch (plan.kind) {
    case "ip":
      return (_head, address) => addressKey(address);
    case "route":
      return () => "";
    case "header": {
      const name = plan.name.toLowerCase();
      // Without the field, all who leave it out share the limit of their address.
      return (head, address) => {
        const value = headerValue(head, name);
        return value === undefined ? `-${addressKey(address)}` : `=${value.slice(0, longestKey)}`;
      };
    }
    case "cookie":
      return (head, address) => {
        const value = cookieValue(headerValue(head, "cookie"), plan.name);
        return value === undefined ? `-${addressKey(address)}` : `=${value.slice(0, longestKey)}`;
      };
    default:
      throw new TypeError(`unknown key ${JSON.stringify(plan satisfies never)}`);
  }
}

/** An IPv4 address as it is; of an IPv6 address its /64, which is what one subscriber has. */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const [before = "", after] = address.split("::", 2);
  const head = before === "" ? [] : before.split(":");
  if (after !== undefined) {
    const tail = after === "" ? [] : after.split(":");
    // A dotted tail stands for two groups.
    const groups = tail.length + (after.includes(".") ? 1 : 0);
    while (head.length + groups < 8) head.push("0");
    head.push(...tail);
  }
  let key = "";
  for (let index = 0; index < 4; index += 1) {
    key += `${Number.parseInt(head[index] ?? "0", 16).toString(16)}:`;
  }
  return key;
}

/** RFC 6265 §5.4: the first cookie of that name. */
export function cookieValue(cookies: string | undefined, name: string): string | undefined {
  if (cookies === undefined) return undefined;
  let at = 0;
  while (at < cookies.length) {
    const end = cookies.indexOf(";", at);
    const until = end < 0 ? cookies.length : end;
    const equals = cookies.indexOf("=", at);
    if (equals > 0 && equals < until && cookies.slice(at, equals).trim() === name) {
      return cookies.slice(equals + 1, until).trim();
    }
    at = until + 1;
  }
  return undefined;
}
