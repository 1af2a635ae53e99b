import { expect, test } from "vitest";
import { describeRunning, type RunningFacts } from "./running-request.ts";

const facts: RunningFacts = {
  head: { method: "GET", authority: "shop.test", path: "/cart", hasQuery: true, query: "id=7" },
  client: { address: "203.0.113.9", scheme: "https" },
  app: "shop",
  servedBy: "",
  asked: false,
  begun: false,
  switchedAt: 0,
  startedAt: 1_000,
};

test("a request is named as people write it, with its age", () => {
  expect(describeRunning(facts, 3_500.4)).toMatchObject({
    method: "GET",
    url: "https://shop.test/cart?id=7",
    client: "203.0.113.9",
    ageMs: 2_500,
  });
});

test("a long URL is cut", () => {
  const head = { ...facts.head, query: "x".repeat(8_000) };
  expect(describeRunning({ ...facts, head }, 0).url).toHaveLength(500);
});

test.for([
  [{}, "receiving"],
  [{ asked: true }, "queued"],
  [{ asked: true, servedBy: "shop-1.2" }, "running"],
  [{ asked: true, app: "" }, "running"],
  [{ asked: true, servedBy: "shop-1.2", begun: true }, "answering"],
  [{ asked: true, servedBy: "shop-1.2", begun: true, switchedAt: 7 }, "tunnel"],
] as const)("with %j it is %s", ([change, state]) => {
  expect(describeRunning({ ...facts, ...change }, 0).state).toBe(state);
});
