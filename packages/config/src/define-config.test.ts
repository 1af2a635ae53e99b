import { expect, test } from "vitest";
import { type ConfigExport, defineConfig } from "./define-config.ts";

test("defineConfig returns what it is given, and takes every form a config may have", () => {
  const frozen = { edge: { listen: [8080, "unix:x"], limits: { bodyBytes: "1mb" } } } as const;
  const forms: readonly ConfigExport[] = [
    frozen,
    { name: "shop", apps: { web: { kind: "wsgi", app: "a:b", workers: "auto" } }, redis: false },
    () => frozen,
    async () => frozen,
  ];

  for (const form of forms) expect(defineConfig(form)).toBe(form);
});
