import type { ErrorReport } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import { expect, test } from "vitest";
import { formatFailurePage, markFailedApps } from "./failure-page.ts";

const report: ErrorReport = {
  code: "E3002",
  exit: 5,
  title: 'shop: importing "<b>" raised an error',
  facts: ["Traceback:", "  <script>alert(1)</script>"],
  fixes: ["correct it"],
};
const settings = { timeoutMs: 1, queueLimit: 1, queueTimeoutMs: 1 };
const plan = { apps: { shop: settings, chat: settings } } as unknown as EdgePlan;

test("nothing of a traceback is taken for markup", () => {
  const page = formatFailurePage(report);

  expect(page).toContain("&#60;script&#62;alert(1)");
  expect(page).not.toMatch(/<script|<b>/);
});

test("only apps that failed are marked", () => {
  const { apps } = markFailedApps(plan, { shop: report, gone: report });

  expect(apps["chat"]).toBe(settings);
  expect(apps["shop"]?.failurePage).toContain("E3002");
  expect(Object.keys(apps)).toEqual(["shop", "chat"]);
});

test("without a failure the plan is the same object", () => {
  expect(markFailedApps(plan, {})).toBe(plan);
});
