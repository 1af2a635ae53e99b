/** The contract, over each store; real servers and files. */
import { tempFolder } from "@stack/testkit";
import {
  attachMemoryStore,
  createMemoryLayout,
  openEmbeddedStore,
  type SharedStore,
  startEmbeddedThread,
} from "../src/index.ts";
import { openReadyRedis } from "./fixtures/open-redis.ts";
import { startRedisServer } from "./fixtures/redis-server.ts";
import { type StoreUnderTest, testStoreContract } from "./store-contract.ts";

testStoreContract("memory", async () => {
  const store = attachMemoryStore(createMemoryLayout(16 * 1024 * 1024, [1, 2]), 1);
  return {
    get: async (key) => store.get(key, Date.now()),
    set: async (key, record) => store.set(key, record),
    delete: async (key) => store.delete(key),
    async list() {
      const records = [];
      for (let from: number | undefined = 0; from !== undefined; ) {
        const part = store.list(from);
        records.push(...part.records);
        from = part.next;
      }
      return records;
    },
    [Symbol.asyncDispose]: async () => {},
  };
});

testStoreContract("redis", async () => {
  const server = await startRedisServer();
  const opened = await openReadyRedis(server.address);
  return shared(opened.store, async () => {
    await opened[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
});

testStoreContract("embedded", async () => {
  const folder = tempFolder();
  const thread = startEmbeddedThread(
    { folder: folder.path, bytes: 32 * 1024 * 1024 },
    {
      onTrouble({ title }) {
        throw new Error(title);
      },
      onRecovered: () => {},
      onRestart: () => {},
    },
  );
  const store = openEmbeddedStore({
    port: thread.connect(),
    onPurge: () => {},
    deadlineMs: 5_000,
  });
  return shared(store, async () => {
    await store.close();
    await thread.close();
    folder[Symbol.dispose]();
  });
});

function shared(store: SharedStore, close: () => Promise<void>): StoreUnderTest {
  return {
    get: store.get,
    set: store.set,
    delete: store.delete,
    async list() {
      const records = [];
      for (let from: string | undefined = ""; from !== undefined; ) {
        const part = await store.list(from === "" ? undefined : from);
        records.push(...part.records);
        from = part.next;
      }
      return records;
    },
    [Symbol.asyncDispose]: close,
  };
}
