import { expect, test } from "vitest";
import { mostServers } from "./server-memory.ts";
import { createServerPlaces } from "./server-places.ts";

test("an address keeps its place, and gets another when it was away", () => {
  const places = createServerPlaces(() => true);
  expect([places.take("a"), places.take("b"), places.take("a")]).toEqual([0, 1, 0]);
  places.keepOnly(new Set(["b"]));
  expect([places.take("b"), places.take("a")]).toEqual([1, 2]);
});

test("a place is used again only when all have been used and nothing is in flight there", () => {
  const busy = new Set([0]);
  const places = createServerPlaces((place) => !busy.has(place));
  for (let n = 0; n < mostServers; n += 1) places.take(`old-${n}`);
  expect(places.take("more")).toBe(-1);
  places.keepOnly(new Set(["old-2"]));
  expect([places.take("one"), places.take("old-2"), places.take("two")]).toEqual([1, 2, 3]);
});
