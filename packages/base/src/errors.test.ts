import { expect, test } from "vitest";
import { defineError, errorFromReport, exitCodes, reportOf } from "./errors.ts";

const portInUse = defineError("E2001", exitCodes.environment, ({ port }: { port: number }) => ({
  title: `Port ${port} is already in use`,
  fixes: ["stack up --port 8081"],
}));

test("an error keeps its code and report when it crosses a process boundary", () => {
  const crossed = errorFromReport(JSON.parse(JSON.stringify(portInUse({ port: 80 }).report)));

  expect(portInUse.is(crossed)).toBe(true);
  expect(crossed.report).toEqual({
    code: "E2001",
    exit: 4,
    title: "Port 80 is already in use",
    fixes: ["stack up --port 8081"],
  });
});

test("what nobody defined is reported as a bug of ours, with the first lines of its stack", () => {
  const report = reportOf(new TypeError("x is not a function"));

  expect(report).toMatchObject({ code: "E0001", exit: 1 });
  expect(report.facts?.[0]).toMatch(/errors\.test\.ts/);
});
