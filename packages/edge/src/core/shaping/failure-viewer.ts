/**
 * Who may see why an app failed (`stack up --watch`): a person at this very machine. A page with a
 * traceback shows code, so it goes to no address but loopback, to nothing that came through a proxy,
 * and under no name but localhost: a website whose name was turned to 127.0.0.1 gets nothing.
 */
export interface FailureAsker {
  readonly method: string;
  readonly accept: string | undefined;
  readonly host: string | undefined;
  /** Of the connection, and what a proxy may have said of it. */
  readonly addresses: readonly string[];
  /** It has a field that only proxies add. */
  readonly proxied: boolean;
}

export function maySeeFailure(asker: FailureAsker, asksForHtml: (accept: string) => boolean) {
  return (
    asker.method === "GET" &&
    !asker.proxied &&
    asker.accept !== undefined &&
    asksForHtml(asker.accept) &&
    asker.host !== undefined &&
    isLocalName(asker.host) &&
    asker.addresses.every(isLoopback)
  );
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^127(?:\.\d{1,3}){3}$/.test(address);
}

/** A Host field with or without its port. */
function isLocalName(host: string): boolean {
  const name = host.replace(/:\d*$/, "").toLowerCase();
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "[::1]" ||
    /^127(?:\.\d{1,3}){3}$/.test(name)
  );
}
