import { setFlagsFromString } from "node:v8";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createPathMatcher, decideBacktrackingLimit } from "./path-matcher.ts";

setFlagsFromString("--enable-experimental-regexp-engine");

test.for([
  ["\\.php$", 256],
  ["\\.(?:png|jpg)$", 256],
  ["^\\/go\\/(\\w+)$", 256],
  ["^\\/v(\\d+)\\/(?<rest>.*)$", 128],
  ["^\\/[a-z+*]+$", 256],
  ["^\\/a*b*c*$", 0],
  ["^\\/(a+)+$", 0],
  ["^\\/(?:a|a)*$", 0],
  ["^\\/(?:a|b)(?:a|b)$", 0],
  ["^\\/((a|b)|c)$", 0],
  ["^\\/a|\\/b$", 0],
  ["a+$", 0],
  ["^\\/a{2,9}$", 0],
] as const)("%s may backtrack in paths of up to %d characters", ([source, limit]) => {
  expect(decideBacktrackingLimit(source)).toBe(limit);
});

test("both engines find the same", () => {
  const sources = [
    "\\.php$",
    "\\.(?:png|jpg)$",
    "^\\/go\\/(\\w+)$",
    "^\\/v(\\d+)\\/(?<rest>.*)$",
    "^\\/(ab|a)b*$",
  ];
  const paths = fc.oneof(
    fc.stringMatching(/^\/(?:go\/|v\d\/)?[ab.1/]{0,9}(?:\.php|\.png)?$/),
    fc.string().map((text) => `/${text}`),
  );
  fc.assert(
    fc.property(fc.constantFrom(...sources), paths, (source, path) => {
      const found = createPathMatcher(source).exec(path);
      const linear = new RegExp(source, "l").exec(path);
      expect(found?.slice()).toEqual(linear?.slice());
      expect({ ...found?.groups }).toEqual({ ...linear?.groups });
      expect(createPathMatcher(source).test(path)).toBe(linear !== null);
    }),
  );
});

test("a long path costs no more than it is long, whatever the pattern", () => {
  const before = process.cpuUsage();
  for (const source of ["^\\/(a+)+$", "^\\/a*a*a*b$", "^\\/(.*)x(.*)y$", "a*a*b$"]) {
    expect(createPathMatcher(source).test(`/${"a".repeat(8_000)}!`)).toBe(false);
  }
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(5_000);
});
