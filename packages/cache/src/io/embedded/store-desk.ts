/** The store thread's side: answers the threads of an edge, keeps the leases, passes purges on. */
import { randomUUID } from "node:crypto";
import type { MessagePort } from "node:worker_threads";
import { decodeRecord } from "../record-format.ts";
import type { MendedFile } from "./mended-file.ts";
import type { FromStore, StoreAnswer, StoreQuestion, ToStore } from "./store-messages.ts";

export interface StoreDesk {
  readonly connect: (port: MessagePort) => void;
  /** Looks for purges of other processes. */
  readonly passPurges: () => void;
}

interface HeldLease {
  readonly token: string;
  readonly port: MessagePort;
  readonly endsAt: number;
  readonly timer: NodeJS.Timeout;
}

const nothing: StoreAnswer = { kind: "none" };

export function createStoreDesk(file: MendedFile): StoreDesk {
  const ports = new Set<MessagePort>();
  const leases = new Map<string, HeldLease>();
  /** All there are, for those that connect later. */
  const purges: string[] = [];

  const post = (port: MessagePort, message: FromStore): void => port.postMessage(message);

  function passPurges(): void {
    for (const text of file.use((one) => one.newPurges()) ?? []) {
      purges.push(text);
      for (const port of ports) post(port, { type: "purge", text });
    }
  }

  function endLease(key: string): void {
    const held = leases.get(key);
    if (held === undefined) return;
    clearTimeout(held.timer);
    leases.delete(key);
    for (const port of ports) post(port, { type: "lease-ended", key });
  }

  function lease(port: MessagePort, key: string, leaseMs: number): StoreAnswer {
    const held = leases.get(key);
    const now = performance.now();
    if (held !== undefined) return { kind: "theirs", leftMs: Math.ceil(held.endsAt - now) };
    const token = randomUUID();
    const timer = setTimeout(() => endLease(key), leaseMs);
    leases.set(key, { token, port, endsAt: now + leaseMs, timer });
    return { kind: "mine", token };
  }

  function get(key: string): StoreAnswer {
    const value = file.use((one) => one.get(key));
    if (value === undefined) return nothing;
    const isSound = decodeRecord(key, Buffer.from(value.buffer, value.byteOffset, value.length));
    if (isSound !== undefined) return { kind: "value", value };
    file.mistrust("a record is not what was stored");
    return nothing;
  }

  function answer(port: MessagePort, message: StoreQuestion): StoreAnswer {
    switch (message.type) {
      case "get":
        return get(message.key);
      case "get-or-lease": {
        const found = get(message.key);
        return found.kind === "none" ? lease(port, message.key, message.leaseMs) : found;
      }
      case "lease":
        return lease(port, message.key, message.leaseMs);
      case "set":
        file.use((one) => one.set(message.key, message.value, message.keepUntil));
        return nothing;
      case "delete":
        file.use((one) => one.delete(message.key));
        return nothing;
      case "list": {
        const listed = file.use((one) => one.list(message.from));
        return { kind: "list", ...(listed ?? { records: [], next: undefined }) };
      }
      case "stats": {
        const stats = file.use((one) => one.stats()) ?? { records: 0, bytes: 0 };
        return { kind: "stats", ...stats };
      }
      case "ping":
        return nothing;
    }
  }

  function receive(port: MessagePort, message: ToStore): void {
    if (message.type === "release") {
      if (leases.get(message.key)?.token === message.token) endLease(message.key);
      return;
    }
    if (message.type === "purge") {
      file.use((one) => one.addPurge(message.text));
      passPurges();
      return;
    }
    const said: StoreAnswer = answer(port, message);
    const transferred = said.kind === "value" ? [said.value.buffer] : [];
    port.postMessage({ type: "answer", id: message.id, answer: said }, transferred);
  }

  return {
    connect(port) {
      passPurges();
      for (const text of purges) post(port, { type: "purge", text });
      ports.add(port);
      port.on("message", (message: ToStore) => receive(port, message));
      port.on("close", () => {
        ports.delete(port);
        for (const [key, held] of leases) if (held.port === port) endLease(key);
      });
    },
    passPurges,
  };
}
