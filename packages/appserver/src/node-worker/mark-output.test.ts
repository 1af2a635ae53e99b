import { parseMark } from "@stack/control";
import { expect, test } from "vitest";
import { createLineMarker } from "./mark-output.ts";

test("every line is marked, however it is cut into writes", () => {
  const text = "first\nsecond with ä\n\nlast";
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    let written = "";
    const marker = createLineMarker("shop-1.2", (part) => {
      written += part;
    });
    marker.push(bytes.subarray(0, cut));
    marker.push(bytes.subarray(cut));
    marker.flush();

    const lines = written.split("\n").slice(0, -1).map(parseMark);
    expect(lines.map((line) => line.text)).toEqual(text.split("\n"));
    expect(new Set(lines.map((line) => line.id))).toEqual(new Set(["shop-1.2"]));
  }
});

test("a line without an end is not kept for ever", () => {
  const written: string[] = [];
  const marker = createLineMarker("shop-1.2", (part) => written.push(part));

  marker.push("x".repeat(70_000));

  expect(written).toHaveLength(1);
});
