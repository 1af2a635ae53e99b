import fc from "fast-check";
import { expect, test } from "vitest";
import { type CacheEntry, createBoundedCache } from "./bounded-cache.ts";

const entry = (costBytes: number): CacheEntry => ({ used: false, costBytes });

test("the oldest unused entry goes first", () => {
  const cache = createBoundedCache({ bytes: 100, entries: 2 });
  const first = entry(1);
  cache.set("first", first);
  cache.set("second", entry(1));
  first.used = true;
  cache.set("third", entry(1));

  expect(cache.get("first")).toBe(first);
  expect(cache.get("second")).toBeUndefined();
  expect(cache.get("third")).toBeDefined();
});

test("an entry larger than the bound is not kept, nor is the one it replaced", () => {
  const cache = createBoundedCache({ bytes: 10, entries: 10 });
  cache.set("a", entry(5));
  cache.set("a", entry(11));
  expect(cache.get("a")).toBeUndefined();
  expect(cache.bytes()).toBe(0);
});

test("bounds hold and the bytes add up, whatever is done", () => {
  const action = fc.record({
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    cost: fc.integer({ min: 0, max: 60 }),
    kind: fc.constantFrom("set", "use", "delete"),
  });
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const cache = createBoundedCache({ bytes: 100, entries: 3 });
      for (const { key, cost, kind } of actions) {
        const known = cache.get(key);
        if (kind === "set") cache.set(key, entry(cost));
        else if (kind === "delete") cache.delete(key);
        else if (known !== undefined) known.used = true;
      }
      const kept = ["a", "b", "c", "d", "e"].flatMap((key) => cache.get(key) ?? []);
      expect(kept.length).toBeLessThanOrEqual(3);
      expect(cache.bytes()).toBe(kept.reduce((sum, { costBytes }) => sum + costBytes, 0));
      expect(cache.bytes()).toBeLessThanOrEqual(100);
    }),
  );
});
