/** The choice of a server with what all threads know of it: slow starts, full and failed servers. */
import { expect, test } from "vitest";
import {
  claimServer,
  countFailure,
  createServerMemory,
  markNew,
  type ServerMemory,
  serverHealth,
  viewServerMemory,
  writeHealth,
} from "../src/core/upstream/server-memory.ts";
import { createServerChooser, type ServerChooser } from "../src/io/upstream/choose-server.ts";
import { httpProtocol } from "../src/io/upstream/server-protocol.ts";
import { createUpstreamServer, type UpstreamServer } from "../src/io/upstream/upstream-server.ts";
import { fakeExchange } from "./fixtures/fake-exchange.ts";

const slowStartMs = 10_000;
let now = 1_000_000;

interface Bench {
  readonly memory: ServerMemory;
  readonly servers: readonly UpstreamServer[];
  readonly chooser: ServerChooser;
  readonly spread: (count: number) => readonly number[];
}

/** Servers that are asked for nothing: only the choice is looked at. */
function setUp(limits: readonly number[]): Bench {
  const memory = viewServerMemory(createServerMemory(1), 1);
  const servers = limits.map((limit, place) =>
    createUpstreamServer({
      shared: { place, address: `10.0.0.${place}:80`, weight: 1, isBackup: false, limit },
      key: "",
      token: "",
      protocol: httpProtocol,
      proxyProtocol: undefined,
      settings: {
        readBuffer: Buffer.alloc(0),
        limits: { headerBytes: 1, headerCount: 1 },
        connectMs: 1,
        firstByteMs: 1,
        onBug: () => {},
      },
      onSettled: () => {},
    }),
  );
  const chooser = createServerChooser({
    servers,
    memory,
    balance: "round-robin",
    slowStartMs,
    cookie: "",
    firstTurn: 0,
    now: () => now,
  });
  return {
    memory,
    servers,
    chooser,
    spread(count) {
      const got = servers.map(() => 0);
      for (let n = 0; n < count; n += 1) {
        const server = chooser.choose(fakeExchange("/"), undefined);
        if (server !== undefined) got[server.place] = (got[server.place] ?? 0) + 1;
      }
      return got;
    },
  };
}

test("a server that comes back gets its share little by little", () => {
  const { memory, spread } = setUp([0, 0]);
  writeHealth(memory, 1, serverHealth.down, now);
  expect(spread(10)).toEqual([10, 0]);
  writeHealth(memory, 1, serverHealth.up, now);
  expect(spread(110)).toEqual([100, 10]);
  now += slowStartMs / 2;
  expect(spread(150)).toEqual([100, 50]);
  now += slowStartMs / 2;
  expect(spread(100)).toEqual([50, 50]);
});

test("so does one that is new, and one whose time alone is over", () => {
  const { memory, spread } = setUp([0, 0]);
  markNew(memory, 0, now);
  expect(spread(110)).toEqual([10, 100]);
  now += slowStartMs;
  expect(spread(10)).toEqual([5, 5]);
  countFailure(memory, 1, 0, { failures: 1, timeMs: 5_000, maxTimeMs: 5_000 }, now);
  expect(spread(10)).toEqual([10, 0]);
  now += 5_000;
  expect(spread(110)).toEqual([100, 10]);
});

test("what is full is passed over, and when all are there is none", () => {
  const { chooser, memory, spread } = setUp([2, 3]);
  expect(claimServer(memory, 1, 3)).toBe(true);
  expect(spread(5)).toEqual([2, 2]);
  expect(chooser.hasRoom()).toBe(false);
  expect(chooser.choose(fakeExchange("/"), undefined)).toBeUndefined();
});

test("a request that failed somewhere goes to a server it was not tried on, whatever is said of that", () => {
  const { chooser, memory, servers } = setUp([0, 0, 0]);
  const [first, second, third] = servers;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three");
  writeHealth(memory, 2, serverHealth.down, now);
  expect(chooser.choose(fakeExchange("/"), [first])).toBe(second);
  expect(chooser.choose(fakeExchange("/"), [first, second])).toBe(third);
  expect(chooser.choose(fakeExchange("/"), [first, second, third])).toBeUndefined();
});
