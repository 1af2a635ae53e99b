import { expect, test } from "vitest";
import {
  claimServer,
  countFailure,
  countSuccess,
  createServerMemory,
  hasRoom,
  isEjected,
  isRamping,
  rampFactor,
  readInFlight,
  readRequests,
  releaseServer,
  requestEnded,
  requestStarted,
  type ServerMemory,
  serverHealth,
  sweepServers,
  viewServerMemory,
  writeHealth,
} from "./server-memory.ts";

const rules = { failures: 3, timeMs: 5_000, maxTimeMs: 20_000 };
const open = (): ServerMemory => viewServerMemory(createServerMemory(2), 2);
/** The clock wraps around in the middle of the test. */
const start = 2 ** 31 - 4_000;

function failTimes(memory: ServerMemory, times: number, now: number): number {
  let ejectedMs = 0;
  for (let n = 0; n < times; n += 1) ejectedMs = countFailure(memory, 1, 0, rules, now);
  return ejectedMs;
}

test("failures in a row eject a server, for longer each time, and one is enough after that", () => {
  const memory = open();
  expect(failTimes(memory, 2, start)).toBe(0);
  expect(isEjected(memory, 1, start)).toBe(false);
  expect(failTimes(memory, 1, start)).toBe(5_000);
  expect(isEjected(memory, 1, start + 4_999)).toBe(true);
  expect(isEjected(memory, 1, start + 5_000)).toBe(false);
  expect(failTimes(memory, 1, start + 5_001)).toBe(10_000);
  expect(isEjected(memory, 1, start + 15_002)).toBe(false);
  expect(failTimes(memory, 1, start + 15_003)).toBe(20_000);
  expect(isEjected(memory, 1, start + 35_004)).toBe(false);
  expect(failTimes(memory, 1, start + 35_005)).toBe(20_000);
});

test("a success in between begins the count anew, and good times are remembered", () => {
  const memory = open();
  failTimes(memory, 2, start);
  countSuccess(memory, 1);
  expect(failTimes(memory, 2, start)).toBe(0);
  expect(failTimes(memory, 1, start)).toBe(5_000);
  expect(isEjected(memory, 1, start + 5_000)).toBe(false);
  countSuccess(memory, 1);
  expect(failTimes(memory, 3, start + 5_000 + 20_001)).toBe(5_000);
});

test("a server that is ejected is not ejected again by what was under way", () => {
  const memory = open();
  expect(failTimes(memory, 3, start)).toBe(5_000);
  expect(failTimes(memory, 5, start)).toBe(0);
  expect(isEjected(memory, 1, start + 5_000)).toBe(false);
});

test("a server that comes back gets its share little by little", () => {
  const memory = open();
  writeHealth(memory, 1, serverHealth.down, start);
  writeHealth(memory, 1, serverHealth.up, start);
  expect(isRamping(memory, 1)).toBe(true);
  expect([0, 500, 5_000, 9_999].map((ms) => rampFactor(memory, 1, 10_000, start + ms))).toEqual([
    0.1, 0.1, 0.5, 0.9999,
  ]);
  expect(rampFactor(memory, 1, 10_000, start + 10_000)).toBe(1);
  expect(isRamping(memory, 1)).toBe(false);
});

test("no more are claimed than the limit, and a thread that ends gives its own back", () => {
  const memory = open();
  const started = [0, 1, 1].map((thread) => {
    requestStarted(memory, 1, thread);
    return claimServer(memory, 1, 3);
  });
  expect(started).toEqual([true, true, true]);
  expect([claimServer(memory, 1, 3), hasRoom(memory, 1, 3)]).toEqual([false, false]);
  expect(readInFlight(memory, 1)).toBe(3);
  sweepServers(memory, 1, true);
  expect([readInFlight(memory, 1), readRequests(memory, 1)]).toEqual([1, 3]);
  expect(hasRoom(memory, 1, 2)).toBe(true);
  requestEnded(memory, 1, 0);
  releaseServer(memory, 1);
  expect([claimServer(memory, 1, 1), claimServer(memory, 1, 1)]).toEqual([true, false]);
});
