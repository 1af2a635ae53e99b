import fc from "fast-check";
import { expect, test } from "vitest";
import { type PurgeTarget, releaseTag } from "./purge.ts";
import { createPurgeMemory, openPurgeTable, type PurgeTable } from "./purge-table.ts";

const key = "http://shop/blog/1?page=2\naccept=html";
const tags = ["blog", releaseTag("r1")];

const cases: readonly (readonly [what: string, target: PurgeTarget])[] = [
  ["everything", { kind: "all" }],
  ["a tag", { kind: "tag", tag: "blog" }],
  ["a release", { kind: "tag", tag: releaseTag("r1") }],
  ["a prefix", { kind: "prefix", prefix: "http://shop/bl" }],
  ["the resource, in all variants", { kind: "url", url: "http://shop/blog/1?page=2" }],
];

test.for(cases)("a purge of %s purges what was stored until then", ([, target]) => {
  const table = openPurgeTable(createPurgeMemory());
  table.purge({ target, soft: false, atMs: 1_000 });
  expect([
    table.state(key, tags, 999),
    table.state(key, tags, 1_000),
    table.state(key, tags, 1_001),
  ]).toEqual(["gone", "gone", "valid"]);
});

test.for(cases)("a soft purge of %s leaves it stale, a hard one wins over it", ([, target]) => {
  const table = openPurgeTable(createPurgeMemory());
  table.purge({ target, soft: true, atMs: 2_000 });
  expect(table.state(key, tags, 1_500)).toBe("stale");
  table.purge({ target, soft: false, atMs: 1_600 });
  expect([table.state(key, tags, 1_500), table.state(key, tags, 1_700)]).toEqual(["gone", "stale"]);
});

test("other tags, prefixes and resources stay", () => {
  const table = openPurgeTable(createPurgeMemory());
  const targets: PurgeTarget[] = [
    { kind: "tag", tag: "shop" },
    { kind: "tag", tag: releaseTag("r2") },
    { kind: "prefix", prefix: "http://shop/c" },
    { kind: "prefix", prefix: `${key.split("\n")[0]}&more` },
    { kind: "url", url: "http://shop/blog/1" },
    { kind: "url", url: "blog" },
  ];
  for (const target of targets) table.purge({ target, soft: false, atMs: 2_000 });
  expect(table.state(key, tags, 1_000)).toBe("valid");
});

test("a purge is seen through every opening of the memory, and counted", () => {
  const memory = createPurgeMemory();
  const [here, there] = [openPurgeTable(memory), openPurgeTable(memory)];
  expect(there.state(key, tags, 1)).toBe("valid");
  const before = there.changes();
  here.purge({ target: { kind: "prefix", prefix: "http://shop/" }, soft: false, atMs: 5 });
  expect(there.changes()).not.toBe(before);
  expect(there.state(key, tags, 1)).toBe("gone");
});

test("an earlier purge that arrives later takes nothing back", () => {
  const table = openPurgeTable(createPurgeMemory());
  table.purge({ target: { kind: "tag", tag: "blog" }, soft: false, atMs: 2_000 });
  table.purge({ target: { kind: "tag", tag: "blog" }, soft: false, atMs: 1_000 });
  expect(table.state(key, tags, 1_500)).toBe("gone");
});

test("prefixes of more lengths than are told apart purge too much, never too little", () => {
  const table = openPurgeTable(createPurgeMemory());
  const text = "/".padEnd(40, "abcdefgh");
  for (let length = 40; length > 0; length -= 1) {
    table.purge({
      target: { kind: "prefix", prefix: text.slice(0, length) },
      soft: false,
      atMs: length,
    });
    expect(table.state(text, [], length)).toBe("gone");
  }
});

type Entry = { key: string; tags: string[]; storedAt: number };
const word = fc.stringMatching(/^[ab/]{0,6}$/);
const target: fc.Arbitrary<PurgeTarget> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<PurgeTarget>({ kind: "all" }) },
  { weight: 4, arbitrary: word.map((tag): PurgeTarget => ({ kind: "tag", tag })) },
  { weight: 4, arbitrary: word.map((prefix): PurgeTarget => ({ kind: "prefix", prefix })) },
  { weight: 4, arbitrary: word.map((url): PurgeTarget => ({ kind: "url", url })) },
);

test("it never says valid, or stale, of what a plain list of purges calls worse", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ target, soft: fc.boolean(), atMs: fc.integer({ min: 1, max: 50 }) }), {
        maxLength: 30,
      }),
      fc.array(
        fc.record({ key: word, tags: fc.array(word), storedAt: fc.integer({ min: 1, max: 50 }) }),
      ),
      (purges, entries) => {
        const table: PurgeTable = openPurgeTable(createPurgeMemory());
        for (const purge of purges) table.purge(purge);
        for (const entry of entries) {
          const hit = purges.filter(
            (purge) => purge.atMs >= entry.storedAt && names(purge.target, entry),
          );
          const state = table.state(entry.key, entry.tags, entry.storedAt);
          if (hit.some((purge) => !purge.soft)) expect(state).toBe("gone");
          else if (hit.length > 0) expect(state).not.toBe("valid");
          else expect(state).toBe("valid");
        }
      },
    ),
  );
});

function names(one: PurgeTarget, entry: Entry): boolean {
  if (one.kind === "tag") return entry.tags.includes(one.tag);
  if (one.kind === "prefix") return entry.key.startsWith(one.prefix);
  return one.kind === "all" || one.url === entry.key;
}
