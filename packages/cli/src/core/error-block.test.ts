import type { ErrorReport } from "@stack/base";
import { expect, test } from "vitest";
import { formatErrors, formatGithubError } from "./error-block.ts";
import { createPaint } from "./paint.ts";

const style = { paint: createPaint(false), unicode: true, folder: "/srv/shop" };

const portInUse: ErrorReport = {
  code: "E2001",
  exit: 4,
  title: "Port 8080 is already in use",
  place: {
    file: "/srv/shop/deploy.config.ts",
    line: 14,
    column: 13,
    configPath: "edge.listen[0]",
    value: '"0.0.0.0:8080"',
  },
  facts: ["held by pid 4121  node"],
  fixes: ["kill 4121", "stack up --port 8081"],
};

test("an error shows what, where, the facts and what to do, its code in column 74", () => {
  const block = formatErrors([portInUse], style);
  expect(block).toBe(
    [
      `✖ Port 8080 is already in use${" ".repeat(44)}E2001`,
      '  edge.listen[0] = "0.0.0.0:8080"    deploy.config.ts:14:13',
      "  held by pid 4121  node",
      "",
      "  Fix   kill 4121",
      "  Or    stack up --port 8081",
    ].join("\n"),
  );
  expect(block.split("\n")[0]?.indexOf("E2001")).toBe(73);
});

test("equal errors are one block that says how many they were", () => {
  const block = formatErrors([portInUse, portInUse, portInUse], style);
  expect(block.match(/E2001/g)).toHaveLength(1);
  expect(block).toContain("✖ Port 8080 is already in use  ×3");
});

test("different errors are blocks of their own", () => {
  const other = { ...portInUse, title: "Port 443 is already in use" };
  expect(formatErrors([portInUse, other], style).match(/E2001/g)).toHaveLength(2);
});

test("a title too long for its column keeps two spaces before the code", () => {
  const long = { ...portInUse, title: "x".repeat(80) };
  expect(formatErrors([long], style).split("\n")[0]).toBe(`✖ ${"x".repeat(80)}  E2001`);
});

test("only the first line is coloured", () => {
  const painted = formatErrors([portInUse], { ...style, paint: createPaint(true) });
  const [first = "", ...rest] = painted.split("\n");
  expect(first.startsWith("\u001b[38;5;166m✖ Port 8080 is already in use\u001b[39m ")).toBe(true);
  expect(first.endsWith(" E2001")).toBe(true);
  expect(rest.join("")).not.toContain("\u001b");
});

test("without UTF-8 the signs are ASCII", () => {
  expect(formatErrors([portInUse, portInUse], { ...style, unicode: false })).toMatch(
    /^x Port.* x2/,
  );
});

test("a line of GitHub's annotations names file and line, escaped", () => {
  expect(formatGithubError({ ...portInUse, title: "100% a:b" }, "/srv/shop")).toBe(
    "::error file=deploy.config.ts,line=14,col=13,title=E2001::100%25 a:b%0Aheld by pid 4121  node" +
      "%0AFix: kill 4121%0AFix: stack up --port 8081",
  );
});
