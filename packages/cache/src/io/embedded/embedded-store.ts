/** A thread's side of the embedded store: asks the thread that owns it, and never waits long. */
import type { MessagePort } from "node:worker_threads";
import { createCircuit } from "../../core/store/circuit.ts";
import { formatPurge, parsePurge } from "../../core/store/purge-text.ts";
import type {
  Found,
  Lease,
  SharedStore,
  SharedStoreEvents,
} from "../../core/store/shared-store.ts";
import { createLeaseWaiters } from "../lease-waiters.ts";
import { decodeRecord, encodeRecord } from "../record-format.ts";
import { within } from "../within.ts";
import type { FromStore, StoreAnswer, StoreQuestion, ToStore } from "./store-messages.ts";

export interface EmbeddedStoreOptions {
  /** From `EmbeddedThread.connect`. */
  readonly port: MessagePort;
  readonly onPurge: SharedStoreEvents["onPurge"];
  /** An answer that takes longer is a miss. */
  readonly deadlineMs?: number;
}

/** The store, and how it goes on when its thread was started anew. */
export interface EmbeddedStore extends SharedStore {
  /** @param port to the new thread */
  readonly attach: (port: MessagePort) => void;
}

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

const usualDeadlineMs = 50;
/** For an operator's question. */
const patientMs = 5_000;
/** Bytes on their way to be stored; beyond it nothing is stored. */
const mostPendingBytes = 16 * 1024 * 1024;
/** Purges that the thread has not told of yet; beyond it everything is purged. */
const mostUnwritten = 1_000;

export function openEmbeddedStore(options: EmbeddedStoreOptions): EmbeddedStore {
  const { deadlineMs = usualDeadlineMs } = options;
  let { port } = options;
  let isGone = false;
  /** Published, and not come back from the file: a thread that ends takes them with it. */
  const unwritten = new Set<string>();
  const circuit = createCircuit();
  const waiters = createLeaseWaiters();
  const asked = new Map<number, (answer: StoreAnswer) => void>();
  const counts = { hits: 0, misses: 0, failures: 0 };
  let lastId = 0;
  let pendingBytes = 0;

  function listen(from: MessagePort): void {
    from.on("message", (message: FromStore) => {
      switch (message.type) {
        case "answer":
          asked.get(message.id)?.(message.answer);
          return;
        case "purge":
          unwritten.delete(message.text);
          options.onPurge(parsePurge(message.text, Date.now()));
          return;
        case "lease-ended":
          waiters.end(message.key);
          return;
      }
    });
    // The thread is gone: nothing is asked until there is another, and who waits may go on.
    from.on("close", () => {
      if (from === port) letGo();
    });
  }

  function letGo(): void {
    isGone = true;
    circuit.open();
    waiters.endAll();
    for (const answer of [...asked.values()]) answer({ kind: "none" });
  }

  function publish(text: string): void {
    if (unwritten.size >= mostUnwritten) {
      unwritten.clear();
      publish(formatPurge({ target: { kind: "all" }, soft: false, atMs: Date.now() }));
      return;
    }
    unwritten.add(text);
    port.postMessage({ type: "purge", text } satisfies ToStore);
  }

  listen(port);

  function send(question: WithoutId<StoreQuestion>, transferred: ArrayBuffer[] = []) {
    lastId += 1;
    const id = lastId;
    const { promise, resolve } = Promise.withResolvers<StoreAnswer>();
    asked.set(id, (answer) => {
      asked.delete(id);
      resolve(answer);
    });
    port.postMessage({ ...question, id } as StoreQuestion, transferred);
    return promise;
  }

  /** An answer in time; `none` otherwise. */
  async function ask(
    question: WithoutId<StoreQuestion>,
    atMostMs = deadlineMs,
  ): Promise<StoreAnswer> {
    if (!circuit.isClosed()) return { kind: "none" };
    try {
      const answer = await within(send(question), atMostMs);
      circuit.succeeded();
      return answer;
    } catch {
      counts.failures += 1;
      if (circuit.failed() && circuit.open()) {
        // It answers in order: when it comes to this, it has caught up.
        void send({ type: "ping" }).then(() => {
          if (!isGone) circuit.close();
        });
      }
      return { kind: "none" };
    }
  }

  function readLease(key: string, answer: StoreAnswer): Lease {
    if (answer.kind === "theirs") {
      return { kind: "theirs", ended: waiters.wait(key, Math.max(answer.leftMs, 1)) };
    }
    return { kind: "mine", token: answer.kind === "mine" ? answer.token : "" };
  }

  function readValue(key: string, answer: StoreAnswer) {
    const found =
      answer.kind === "value"
        ? decodeRecord(
            key,
            Buffer.from(answer.value.buffer, answer.value.byteOffset, answer.value.length),
          )
        : undefined;
    if (found === undefined) counts.misses += 1;
    else counts.hits += 1;
    return found;
  }

  return {
    name: "embedded",
    get: async (key) => readValue(key, await ask({ type: "get", key })),

    async getOrLease(key, leaseMs): Promise<Found> {
      const answer = await ask({ type: "get-or-lease", key, leaseMs });
      const record = readValue(key, answer);
      return record === undefined ? readLease(key, answer) : { kind: "record", record };
    },

    acquireLease: async (key, leaseMs) =>
      readLease(key, await ask({ type: "lease", key, leaseMs })),

    releaseLease(key, token) {
      if (token !== "") port.postMessage({ type: "release", key, token } satisfies ToStore);
    },

    async set(key, record) {
      const { head, body } = encodeRecord(key, record);
      const bytes = head.length + body.length;
      if (!circuit.isClosed() || pendingBytes + bytes > mostPendingBytes) return;
      const value = new Uint8Array(bytes);
      value.set(head);
      value.set(body, head.length);
      pendingBytes += bytes;
      const { keepUntil } = record;
      await send({ type: "set", key, keepUntil, value }, [value.buffer]);
      pendingBytes -= bytes;
    },

    async delete(key) {
      await ask({ type: "delete", key }, patientMs);
    },

    async list(from = "0") {
      const answer = await ask({ type: "list", from: Number(from) }, patientMs);
      if (answer.kind !== "list") return { records: [], next: undefined };
      const { records, next } = answer;
      return { records, next: next === undefined ? undefined : String(next) };
    },

    async stats() {
      const answer = await ask({ type: "stats" }, patientMs);
      const { records, bytes } = answer.kind === "stats" ? answer : { records: 0, bytes: 0 };
      return { name: "embedded", available: circuit.isClosed(), records, bytes, ...counts };
    },

    publishPurge: (purge) => publish(formatPurge(purge)),

    attach(to) {
      letGo();
      port.close();
      port = to;
      isGone = false;
      listen(port);
      for (const text of unwritten) port.postMessage({ type: "purge", text } satisfies ToStore);
      circuit.close();
    },

    async close() {
      waiters.endAll();
      port.close();
    },
  };
}
