import fc from "fast-check";
import { expect, test } from "vitest";
import { createLineSplitter, maxLogLine } from "./split-lines.ts";

function split(chunks: readonly string[]): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.flush();
  return lines;
}

test("how the text is cut into chunks makes no difference", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "\n", "\r", "é") })), (chunks) => {
      expect(split(chunks)).toEqual(split([chunks.join("")]));
    }),
  );
});

test("a line without an end is kept until the stream ends", () => {
  expect(split(["a\nb", "c"])).toEqual(["a", "bc"]);
});

test("a line beyond the bound is cut, counted, and the next one is whole", () => {
  const [first = "", second] = split(["x".repeat(maxLogLine), "y".repeat(100), "\nnext\n"]);
  expect(first).toBe(`${"x".repeat(maxLogLine)} …(+100)`);
  expect(second).toBe("next");
});
