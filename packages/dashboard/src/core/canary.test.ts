import type { AppStatus } from "@stack/control";
import { shopStatus } from "@stack/testkit";
import { expect, test } from "vitest";
import { canaryNote } from "./canary.ts";

const [shop] = shopStatus.apps as [AppStatus];
const canary = {
  release: "r42",
  share: 0.125,
  elapsedMs: 20_000,
  wanted: 100,
  timeMs: 60_000,
  deadlineMs: 900_000,
  old: { requests: 900, errors: 2, p95Ms: 41 },
  new: { requests: 61, errors: 0, p95Ms: 12.4 },
};

test("a canary that runs tells its share, both sides, and how long it may go on", () => {
  expect(canaryNote({ ...shop, canary })).toEqual({
    release: "r42",
    tone: "warn",
    parts: [
      "12.5%",
      "61/100 requests",
      "errors 0% (old 0.2%)",
      "p95 12ms (old 41ms)",
      "14m40s left",
    ],
    short: ["12.5%", "61/100", "err 0%/0.2%", "p95 12/41ms", "14m40s left"],
  });
});

test("with enough requests it tells when it is decided; failing more than the old is bad", () => {
  const failing = { ...canary, new: { requests: 200, errors: 9, p95Ms: null } };
  const note = canaryNote({ ...shop, canary: failing });
  expect(note?.tone).toBe("bad");
  expect(note?.parts.slice(2)).toEqual([
    "errors 4.5% (old 0.2%)",
    "p95 - (old 41ms)",
    "decided in 40s",
  ]);
});

test.for([
  ["promoted", 10_000, "promoted: fine", "good"],
  ["taken-back", 10_000, "taken back: fine", "bad"],
] as const)("a verdict %s %d ms ago is %s", ([verdict, ageMs, text, tone]) => {
  const lastCanary = { release: "r42", at: "2026-11-22T12:04:21Z", ageMs, verdict, reason: "fine" };
  expect(canaryNote({ ...shop, lastCanary })).toEqual({
    release: "r42",
    parts: [text],
    short: [text],
    tone,
  });
  expect(canaryNote({ ...shop, lastCanary: { ...lastCanary, ageMs: 61_000 } })).toBeNull();
});

test("without one there is no note", () => {
  expect(canaryNote(shop)).toBeNull();
});
