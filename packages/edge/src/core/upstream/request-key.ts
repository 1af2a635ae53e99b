/** What of a request a consistent hash goes by. */
import type { UpstreamBalance } from "@stack/config";
import { headerValue, type RequestHead } from "@stack/protocols";
import { hashText } from "./balance.ts";

/** The parts of an exchange that are looked at. */
interface KeyFacts {
  readonly head: RequestHead;
  readonly client: { readonly address: string };
}

/** The key of a request; one that lacks what is asked for goes by its client's address. */
export function createKeyReader(balance: UpstreamBalance): (facts: KeyFacts) => number {
  if (typeof balance === "string") return ({ client }) => hashText(client.address);
  if (balance.hash === "uri") {
    return ({ head }) => hashText(head.query === "" ? head.path : `${head.path}?${head.query}`);
  }
  const name = balance.hash === "header" ? balance.name.toLowerCase() : balance.name;
  const read = balance.hash === "header" ? headerValue : cookieValue;
  return (facts) => hashText(read(facts.head, name) ?? facts.client.address);
}

/** The value of a cookie; the first one of that name. */
export function cookieValue(head: RequestHead, name: string): string | undefined {
  const cookies = headerValue(head, "cookie");
  if (cookies === undefined) return undefined;
  let from = 0;
  while (from < cookies.length) {
    const semicolon = cookies.indexOf(";", from);
    const end = semicolon < 0 ? cookies.length : semicolon;
    while (cookies.charCodeAt(from) === 32) from += 1;
    if (cookies.charCodeAt(from + name.length) === 61 && cookies.startsWith(name, from)) {
      return cookies.slice(from + name.length + 1, end).trim();
    }
    from = end + 1;
  }
  return undefined;
}
