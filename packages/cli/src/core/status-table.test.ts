import { shopStatus } from "@stack/testkit";
import { expect, test } from "vitest";
import { createPaint } from "./paint.ts";
import { formatStatus } from "./status-table.ts";

test.for([120, 80, 60, 40])("the status table fits %d columns and shows every state", (columns) => {
  const text = formatStatus(shopStatus, { paint: createPaint(false), unicode: true, columns });
  for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(columns);
  for (const state of ["● ready", "▲ degraded", "◐ booting", "✖ crashed"]) {
    expect(text).toContain(state);
  }
  expect(text).toMatchSnapshot();
});

test("without UTF-8 it is ASCII alone", () => {
  const text = formatStatus(shopStatus, { paint: createPaint(false), unicode: false, columns: 80 });
  expect(text).toMatch(/^[ -~\n]*$/);
});
