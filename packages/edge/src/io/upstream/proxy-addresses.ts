/** What the PROXY protocol tells an upstream of the client of a request. */
import type { ProxyAddresses } from "@stack/protocols";
import type { ClientExchange } from "../client/client-state.ts";
import type { Exchange } from "../exchange.ts";

/** Undefined for a request of our own. */
export function proxyAddresses(exchange: Exchange): ProxyAddresses | undefined {
  const { client, connection } = exchange;
  if (client.address === "") return undefined;
  // A listener on every interface has no address of its own to tell.
  const { io } = exchange as Partial<ClientExchange>;
  const destination = io?.socket.localAddress ?? connection.serverName;
  return {
    sourceAddress: withoutMapping(client.address),
    sourcePort: client.port,
    destinationAddress: withoutMapping(destination),
    destinationPort: connection.serverPort,
  };
}

function withoutMapping(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
