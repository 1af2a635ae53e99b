/**
 * The edge comes over a Unix socket, which has no addresses: to the app its connections seem to come
 * from this machine, as from any proxy beside it. Express and others find the client behind a proxy
 * they trust ("loopback", a number of hops) and limit rates by it only if the proxy has an address.
 */
import type { Socket } from "node:net";

const local: PropertyDescriptorMap = Object.fromEntries(
  Object.entries({ remoteAddress: "127.0.0.1", remoteFamily: "IPv4" }).map(([name, value]) => [
    name,
    { value, configurable: true, enumerable: true },
  ]),
);

export function seemLocal(socket: Socket): void {
  Object.defineProperties(socket, local);
}
