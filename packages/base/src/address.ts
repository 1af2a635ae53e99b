/** Addresses as the config writes them: "8080", "127.0.0.1:8080", "[::1]:8080", "unix:/run/x.sock". */

export type SocketAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/**
 * Reads one address; undefined when it is none.
 *
 * @param defaultHost for a bare port
 */
export function parseAddress(text: string, defaultHost = "127.0.0.1"): SocketAddress | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path === "" ? undefined : { kind: "unix", path };
  }
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):)?(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  return { kind: "tcp", host: match[1] ?? match[2] ?? defaultHost, port };
}

/** The form `parseAddress` reads. */
export function formatAddress(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
