/**
 * The public sockets and `control.sock`: bound here, listened on by the children that inherit their
 * descriptors, kept over all of their deaths. The keeper itself never listens: a listening socket
 * that nobody accepts on would leave clients hanging.
 */
import { lookup } from "node:dns/promises";
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { BoundSocket, connect, isIP } from "node:net";
import type { SocketAddress } from "@stack/base";
import type { ListenerRecord, SpokenProtocol } from "@stack/control";

declare module "net" {
  /** Present in Node 24.21, not yet in its types. */
  interface BoundSocketOptions {
    path?: string | undefined;
  }
}

export interface Listeners {
  /** Rejects with the system's error: EADDRINUSE, EACCES … The same name is bound only once. */
  readonly bind: (wanted: WantedListener) => Promise<ListenerRecord>;
  readonly unbind: (name: string) => void;
  readonly list: () => readonly ListenerRecord[];
  /** Throws when the name is not bound. */
  readonly descriptor: (name: string) => number;
  readonly closeAll: () => void;
}

interface WantedListener {
  readonly name: string;
  readonly address: SocketAddress;
  /** Of a Unix socket's file. */
  readonly mode?: number | undefined;
  readonly spoken?: SpokenProtocol | undefined;
}

interface Bound {
  readonly record: ListenerRecord;
  readonly socket: BoundSocket;
}

export function createListeners(): Listeners {
  const bound = new Map<string, Bound>();

  function unbind(name: string): void {
    const found = bound.get(name);
    bound.delete(name);
    found?.socket.close(); // removes the path of a Unix socket
  }

  return {
    async bind({ name, address, mode = 0o666, spoken = "http" }) {
      const known = bound.get(name);
      if (known !== undefined) {
        if (address.kind === "unix") chmodSync(address.path, mode);
        const record = { ...known.record, spoken };
        bound.set(name, { ...known, record });
        return record;
      }
      const socket =
        address.kind === "unix"
          ? await bindUnix(address.path, mode)
          : new BoundSocket({ host: await numericHost(address.host), port: address.port });
      const record = { name, address: addressOf(socket, address), spoken };
      bound.set(name, { record, socket });
      return record;
    },
    unbind,
    list: () => [...bound.values()].map(({ record }) => record),
    descriptor(name) {
      const found = bound.get(name);
      if (found === undefined) throw new Error(`no listener ${name}`);
      return found.socket.fd();
    },
    closeAll() {
      for (const name of bound.keys()) unbind(name);
    },
  };
}

/** Binds a Unix socket, over a path that nobody listens on any more. */
export async function bindUnix(path: string, mode: number): Promise<BoundSocket> {
  if (isSocket(path) && !(await answers(path))) unlinkSync(path);
  const umask = process.umask(0o177); // never open to others, not even until the chmod
  try {
    const socket = new BoundSocket({ path });
    chmodSync(path, mode);
    return socket;
  } finally {
    process.umask(umask);
  }
}

function addressOf(socket: BoundSocket, asked: SocketAddress): SocketAddress {
  if (asked.kind === "unix") return asked;
  return { kind: "tcp", host: asked.host, port: socket.address().port };
}

async function numericHost(host: string): Promise<string> {
  return isIP(host) === 0 ? (await lookup(host)).address : host;
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ path });
    socket.setTimeout(1_000, () => {
      socket.destroy();
      done(true); // its backlog is full: somebody lives there
    });
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}
