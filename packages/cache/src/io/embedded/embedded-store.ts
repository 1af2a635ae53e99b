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

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

const usualDeadlineMs = 50;
/** For an operator's question. */
const patientMs = 5_000;
/** Bytes on their way to be stored; beyond it nothing is stored. */
const mostPendingBytes = 16 * 1024 * 1024;

export function openEmbeddedStore(options: EmbeddedStoreOptions): SharedStore {
  const { port, deadlineMs = usualDeadlineMs } = options;
  const circuit = createCircuit();
  const waiters = createLeaseWaiters();
  const asked = new Map<number, (answer: StoreAnswer) => void>();
  const counts = { hits: 0, misses: 0, failures: 0 };
  let lastId = 0;
  let pendingBytes = 0;

  port.on("message", (message: FromStore) => {
    switch (message.type) {
      case "answer":
        asked.get(message.id)?.(message.answer);
        return;
      case "purge":
        options.onPurge(parsePurge(message.text, Date.now()));
        return;
      case "lease-ended":
        waiters.end(message.key);
        return;
    }
  });
  // The thread is gone: nothing is asked any more, and who waits may go on.
  port.on("close", () => {
    circuit.open();
    waiters.endAll();
    for (const answer of [...asked.values()]) answer({ kind: "none" });
  });

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
        void send({ type: "ping" }).then(circuit.close);
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

    publishPurge(purge) {
      port.postMessage({ type: "purge", text: formatPurge(purge) } satisfies ToStore);
    },

    async close() {
      waiters.endAll();
      port.close();
    },
  };
}
