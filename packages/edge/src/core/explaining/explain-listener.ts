/** Which listener a URL comes in by. */
import { formatAddress, type SocketAddress } from "@stack/base";
import type { EdgeSettings } from "@stack/config";

export interface ExplainedListener {
  /** "edge.listen[0]"; null when none has this port. */
  readonly name: string | null;
  readonly address: string | null;
  readonly text: string;
}

export interface ParsedTarget {
  readonly scheme: "http" | "https" | null;
  /** What a client would say as Host. */
  readonly authority: string;
  /** Null when the URL names no host. */
  readonly port: number | null;
  readonly path: string;
}

/** Takes what a person writes as it is: the path must come to the parser unchanged. */
export function parseTarget(url: string): ParsedTarget {
  const match = /^(https?):\/\/([^/?#]*)([^#]*)/i.exec(url);
  if (match === null) return { scheme: null, authority: "localhost", port: null, path: url };
  const [, written = "", authority = "", rest = ""] = match;
  const scheme = written.toLowerCase() === "https" ? "https" : "http";
  const port = /:(\d{1,5})$/.exec(authority)?.[1];
  const standard = scheme === "https" ? 443 : 80;
  return {
    scheme,
    authority,
    port: port === undefined ? standard : Number(port),
    path: rest.startsWith("/") ? rest : `/${rest}`,
  };
}

export function explainListener(edge: EdgeSettings, target: ParsedTarget): ExplainedListener {
  const { listeners } = edge;
  const found =
    target.port === null
      ? listeners[0]
      : listeners.find(({ address }) => address.kind === "tcp" && address.port === target.port);
  if (found === undefined) {
    const known = listeners.map(({ address }) => formatAddress(address)).join(", ");
    return {
      name: null,
      address: null,
      text: `none listens on port ${target.port}; there are: ${known}`,
    };
  }
  const address = shown(found.address);
  return { name: found.name, address, text: `${address} (${found.name})` };
}

function shown(address: SocketAddress): string {
  return formatAddress(address);
}
