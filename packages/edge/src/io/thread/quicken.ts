/** Reads and writes of plain sockets without Node's stream machinery, where this Node has what it takes. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { findReadSymbols, findStreamBinding } from "./node-streams.ts";
import { quickenReads } from "./quick-read.ts";
import { createWriteQuickener } from "./quick-write.ts";

/** For a socket that reads as it shall already. */
export type Quickener = (socket: Socket) => void;

export function createQuickener(): Quickener {
  const binding = findStreamBinding();
  if (binding === undefined) return () => {};
  const symbols = findReadSymbols();
  const quickenWrites = createWriteQuickener(binding);
  return (socket) => {
    if (socket instanceof TLSSocket) return;
    quickenWrites(socket);
    if (symbols !== undefined) quickenReads(socket, binding, symbols);
  };
}
