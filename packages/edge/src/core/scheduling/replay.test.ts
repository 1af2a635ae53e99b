import { expect, test } from "vitest";
import { isReplayable, isSentAhead } from "./replay.ts";

const exchange = <Facts extends object>(method: string, facts: Facts = {} as Facts) => ({
  begun: false,
  done: false,
  bodyComplete: true,
  head: { method },
  ...facts,
});

test.for(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])("a lost %s is replayed once", (method) => {
  expect(isReplayable(exchange(method), "lost", 1)).toBe(true);
  expect(isReplayable(exchange(method), "lost", 2)).toBe(false);
});

test.for(["POST", "PATCH", "get", "PURGE"])("a lost %s is never sent twice", (method) => {
  expect(isReplayable(exchange(method), "lost", 1)).toBe(false);
  expect(isReplayable(exchange(method), "unreached", 1)).toBe(true);
});

test.for([{ begun: true }, { done: true }, { bodyComplete: false }])("not with %j", (facts) => {
  expect(isReplayable(exchange("GET", facts), "lost", 1)).toBe(false);
  expect(isReplayable(exchange("GET", facts), "unreached", 1)).toBe(false);
});

const plain = { bodyLength: 0, upgrade: "" };

test("only what is safe, has no body and never lost a worker is sent ahead", () => {
  expect(isSentAhead(exchange("GET", plain), 0)).toBe(true);
  expect(isSentAhead(exchange("HEAD", plain), 0)).toBe(true);
  expect(isSentAhead(exchange("GET", plain), 1)).toBe(false);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "get"]) {
    expect(isSentAhead(exchange(method, plain), 0)).toBe(false);
  }
  for (const facts of [{ bodyLength: 1 }, { bodyLength: -1 }, { upgrade: "websocket" }]) {
    expect(isSentAhead(exchange("GET", { ...plain, ...facts }), 0)).toBe(false);
  }
});
