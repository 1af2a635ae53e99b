import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("stack answers, on the Node that npm brought", () => {
  const output = execFileSync(process.execPath, ["packages/cli/bin/stack.js", "--version"], {
    encoding: "utf8",
  });
  expect(output).toMatch(/^stack 0\.1\.0/);
});
