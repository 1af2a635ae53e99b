import { expect, test } from "vitest";
import { createSecurityFields } from "./security-fields.ts";

test("an answer gets what it does not have, and keeps its own", () => {
  const add = createSecurityFields("strict");
  const fields = add("Content-Type: text/html\r\nx-frame-options: ALLOWALL\r\n");
  expect(fields).toMatch(/^Content-Type: text\/html\r\nx-frame-options: ALLOWALL\r\n/);
  expect(fields.match(/^x-frame-options:/gim)).toHaveLength(1);
  for (const name of [
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: strict-origin-when-cross-origin",
    "Permissions-Policy: camera=()",
    "Cross-Origin-Opener-Policy: same-origin",
    "Content-Security-Policy: frame-ancestors 'none'",
  ]) {
    expect(fields).toContain(`\r\n${name}`);
  }
  expect(fields.endsWith("\r\n")).toBe(true);
});

test("pages of the same site may frame it when they are meant to", () => {
  const fields = createSecurityFields("same-origin")("");
  expect(fields).toContain("X-Frame-Options: SAMEORIGIN\r\n");
  expect(fields).toContain("frame-ancestors 'self'\r\n");
});
