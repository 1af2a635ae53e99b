import { expect, test } from "vitest";
import { formatCount, formatMs, formatRate, sparkline } from "./format.ts";
import { matchesFilter } from "./log-filter.ts";
import { sanitizeLine } from "./sanitize.ts";
import { decideCapabilities, paintLine } from "./theme.ts";
import { clip, displayWidth, padEnd, padStart } from "./width.ts";

test.for([
  ["plain", 5],
  ["größe", 5],
  ["日本", 4],
  ["e\u0301", 1],
  ["👩‍👩‍👧", 2],
  ["●▲✖", 3],
  ["\u200b", 0],
] as const)("%s takes %d columns", ([text, width]) => {
  expect(displayWidth(text)).toBe(width);
});

test.for([
  ["日本語", 4, "日… "],
  ["日本語", 5, "日本…"],
  ["abcdef", 4, "abc…"],
  ["ab", 4, "ab  "],
] as const)("%s in %d columns is exactly that wide", ([text, width, expected]) => {
  expect(padEnd(text, width)).toBe(expected);
  expect(displayWidth(padStart(text, width))).toBe(width);
  expect(displayWidth(clip(text, width))).toBeLessThanOrEqual(width);
});

test.for([
  ["\u001b[31mred\u001b[0m", "red"],
  ["\u001b[2J\u001b[1;1Hx", "x"],
  ["\u001b]0;title\u0007x", "x"],
  ["\u001b]8;;http://evil\u001b\\link\u001b]8;;\u001b\\", "link"],
  ["\u001bPq#0\u001b\\x", "x"],
  ["\u009b31mx", "31mx"],
  ["a\u202eb\u2066c", "abc"],
  ["a\tb\r\u0007\u0000", "a    b"],
  ["\u001b", ""],
] as const)("%j is shown as %j", ([text, expected]) => {
  expect(sanitizeLine(text)).toBe(expected);
});

test("no input leaves a control character behind", () => {
  let seed = 7;
  const random = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % limit;
  };
  const alphabet = [
    "\u001b",
    "[",
    "]",
    "P",
    "\\",
    ";",
    "3",
    "m",
    "J",
    "\u0007",
    "\u009b",
    "x",
    "\r",
    "\u202e",
  ];
  for (let round = 0; round < 2_000; round += 1) {
    const text = Array.from({ length: random(24) }, () => alphabet[random(alphabet.length)]).join(
      "",
    );
    expect(sanitizeLine(text)).toMatch(/^[^\p{Cc}\u202a-\u202e]*$/u);
  }
});

test.for([
  ["error", true],
  ["ERROR", true],
  ["!error", false],
  ["shop-1", true],
  ["!api", true],
  ["", true],
  ["nothing", false],
] as const)("the filter %j matches an error of shop-1.2: %s", ([filter, expected]) => {
  expect(matchesFilter({ source: "shop-1.2", text: "an Error happened" }, filter)).toBe(expected);
});

test("numbers fit their columns", () => {
  expect([0, 9, 999, 1000, 9_949, 12_345, 999_499, 1_200_000].map(formatCount)).toEqual([
    "0",
    "9",
    "999",
    "1.0k",
    "9.9k",
    "12k",
    "999k",
    "1.2M",
  ]);
  expect([0, 0.04, 0.4, 9.9, 10, 842].map(formatRate)).toEqual([
    "0",
    "0",
    "0.4",
    "9.9",
    "10",
    "842",
  ]);
  expect([0, 0.42, 9, 12.4, 999, 1_234, 12_345].map(formatMs)).toEqual([
    "0",
    "0.4",
    "9",
    "12",
    "999",
    "1.2s",
    "12s",
  ]);
});

test("a sparkline ends with the newest sample, at its height among the others", () => {
  expect(sparkline([0, 1, 2, 4, 8], 4, true)).toBe("▁▂▄█");
  expect(sparkline([0, 8], 8, false)).toBe("_#");
});

test.for([
  [{ TERM: "linux" }, true, { unicode: false, color: "16" }],
  [{ TERM: "xterm-256color", LANG: "C.UTF-8" }, true, { unicode: true, color: "256" }],
  [{ TERM: "xterm", COLORTERM: "truecolor" }, true, { unicode: true, color: "true" }],
  [{ TERM: "xterm-256color", LANG: "C" }, false, { unicode: false, color: "none" }],
] as const)("a terminal with %j shows %j", ([env, color, expected]) => {
  expect(decideCapabilities(env, color)).toEqual(expected);
});

test("painted or not, a row has the same width", () => {
  const row = { spans: [{ text: "● ready", tone: "good" as const }, { text: " and more" }] };
  const plain = paintLine(row, 10, { unicode: true, color: "none" });
  expect(plain).toBe("● ready a…");
  expect(sanitizeLine(paintLine(row, 10, { unicode: true, color: "256" }))).toBe(plain);
});
