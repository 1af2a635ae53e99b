import { expect, test } from "vitest";
import { isReplayable } from "./replay.ts";

const exchange = (method: string, facts: object = {}) => ({
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
