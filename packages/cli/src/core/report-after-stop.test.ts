import type { ErrorReport } from "@stack/base";
import { expect, test } from "vitest";
import { reportAfterStop } from "./report-after-stop.ts";

const report = {
  ...{ code: "E3101", exit: 5, title: "fpm crashed 6 times in a row" },
  facts: ["exit 78, the last time with:", "other services are not affected; next try in 5 min"],
  fixes: ["repair it, then: stack start fpm", "stack logs fpm"],
} as unknown as ErrorReport;

test("once all is stopped the way back is `stack up`, and nothing else is said to run", () => {
  expect(reportAfterStop(report)).toMatchObject({
    facts: ["exit 78, the last time with:"],
    fixes: ["repair it, then: stack up", "stack logs fpm"],
  });
  const reload = { ...report, fixes: ["correct the error above, then: stack reload shop"] };
  expect(reportAfterStop(reload).fixes).toEqual(["correct the error above, then: stack up"]);
  const { facts: _, ...bare } = report;
  expect(reportAfterStop(bare as ErrorReport)).not.toHaveProperty("facts");
});
