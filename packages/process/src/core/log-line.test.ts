import { expect, test } from "vitest";
import { belongsTo, formatLogLine, type LogLine, mergeLogLines, parseLogLine } from "./log-line.ts";

const at = "2026-03-01T12:00:00.000Z";

test.for<[string, LogLine]>([
  ["a plain line", { at, source: "jobs", stream: "out", text: "hello  world " }],
  ["a worker's", { at, source: "shop-1.2", stream: "err", text: "Traceback" }],
  ["an empty one", { at, source: "edge", stream: "out", text: "" }],
  ["one with escapes", { at, source: "edge", stream: "out", text: "\u001b[31mred\u001b[0m\tü" }],
])("%s is read back as it was written", ([, line]) => {
  const written = formatLogLine(line);
  expect(written.endsWith("\n")).toBe(true);
  expect(parseLogLine(written.slice(0, -1))).toEqual(line);
});

test("a newline in the text forges no second line", () => {
  const forged = formatLogLine({ at, source: "jobs", stream: "out", text: `a\n${at} edge out b` });
  expect(forged.split("\n")).toHaveLength(2);
});

test.for(["", "hello", '{"time":"x"}', `${at} jobs`, `${at} jobs both text`])(
  "%j is no line of ours",
  (text) => {
    expect(parseLogLine(text)).toBeUndefined();
  },
);

test("files are merged by time, and lines of one time keep their order", () => {
  const line = (second: number, source: string, text: string): LogLine => ({
    at: `2026-03-01T12:00:0${second}.000Z`,
    source,
    stream: "out",
    text,
  });
  const merged = mergeLogLines([
    [line(1, "a", "1"), line(1, "a", "2"), line(3, "a", "3")],
    [line(0, "b", "0"), line(2, "b", "2")],
  ]);
  expect(merged.map(({ source, text }) => source + text)).toEqual(["b0", "a1", "a2", "b2", "a3"]);
});

test.for<[source: string, name: string, belongs: boolean]>([
  ["shop-1", "shop", true],
  ["shop-1.2", "shop", true],
  ["shop-1.2", "shop-1", true],
  ["shop-12.2", "shop-1", false],
  ["shop-1.2", "shop-1.2", true],
  ["shop-1.22", "shop-1.2", false],
  ["shopping-1", "shop", false],
  ["shop-api-1", "shop", false],
  ["jobs", "jobs", true],
  ["shop.release", "shop", true],
  ["shop.released", "shop", false],
])("a line of %s asked for as %s: %s", ([source, name, belongs]) => {
  expect(belongsTo(source, [name])).toBe(belongs);
});
