import { expect, test } from "vitest";
import { createPurgeNotes } from "./purge-notes.ts";

const tag = (name: string, atMs: number) =>
  ({ target: { kind: "tag", tag: name }, soft: false, atMs }) as const;

test("a purge that comes back from the store is noted once, as our own", () => {
  const notes = createPurgeNotes();
  notes.add(tag("news", 1_000), true);
  notes.add(tag("news", 1_000), false);
  notes.add(tag("news", 2_000), false);
  expect(notes.read()).toEqual([
    {
      target: { kind: "tag", tag: "news" },
      soft: false,
      at: 1_000,
      own: true,
    },
    {
      target: { kind: "tag", tag: "news" },
      soft: false,
      at: 2_000,
      own: false,
    },
  ]);
});

test("single URLs from elsewhere are not noted, and no more than ten are kept", () => {
  const notes = createPurgeNotes();
  const url = { target: { kind: "url", url: "http://a/" }, soft: false, atMs: 5 } as const;
  for (let at = 1; at <= 12; at += 1) notes.add(tag(String(at), at), true);
  notes.add(url, false);
  expect(notes.read()).toHaveLength(10);
  expect(notes.read().at(-1)).toMatchObject({ target: { tag: "12" } });
  notes.add(url, true);
  expect(notes.read().at(-1)).toMatchObject({ target: { kind: "url" } });
});
