/**
 * For vitest: property-based tests, of all packages, get the same examples in every run, so that a
 * failure says something of the change that is tested. Other tests do not load the library.
 */
import { readFileSync } from "node:fs";
import { expect } from "vitest";

const { testPath } = expect.getState();
if (testPath !== undefined && readFileSync(testPath, "utf8").includes('from "fast-check"')) {
  const { default: fc } = await import("fast-check");
  fc.configureGlobal({ seed: 20_261_122 });
}
