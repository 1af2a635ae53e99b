/** How a request is named to people: in logs, and where it is shown while it runs. */
import type { RequestFacts } from "@stack/control";
import type { RequestHead } from "@stack/protocols";

export interface Named {
  readonly head: Pick<RequestHead, "method" | "authority" | "path" | "hasQuery" | "query">;
  readonly client: { readonly address: string; readonly scheme: string };
}

/** What is longer is hardly read, and may be 8 KB. */
const mostUrl = 500;

/** To be asked while the exchange is not done. */
export function requestFacts({ head, client }: Named): RequestFacts {
  const query = head.hasQuery ? `?${head.query}` : "";
  const url = `${client.scheme}://${head.authority}${head.path}${query}`;
  return {
    method: head.method,
    url: url.length > mostUrl ? `${url.slice(0, mostUrl - 1)}…` : url,
    client: client.address,
  };
}
