import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configReference } from "../src/io/config-reference.ts";

test("the reference page is what the schema says now (npm run docs writes it)", async () => {
  const page = join(import.meta.dirname, "../../../docs/reference/config.md");

  expect(readFileSync(page, "utf8")).toBe(await configReference());
});
