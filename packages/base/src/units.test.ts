import { expect, test } from "vitest";
import { formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts";

test.for([
  ["32kb", 32_768],
  ["10mb", 10_485_760],
  [512, 512],
  ["1.5 KB", 1536],
  ["10 megs", undefined],
  ["-1b", undefined],
] as const)("%s is %s bytes", ([input, bytes]) => {
  expect(parseBytes(input)).toBe(bytes);
});

test.for([
  ["30s", 30_000],
  ["250ms", 250],
  ["1y", 31_536_000_000],
  ["10 minutes", undefined],
  [Number.NaN, undefined],
] as const)("%s is %s milliseconds", ([input, ms]) => {
  expect(parseDuration(input)).toBe(ms);
});

test("sizes and durations are shown short", () => {
  expect([formatBytes(900), formatBytes(1536), formatBytes(350 * 2 ** 20)]).toEqual([
    "900B",
    "1.5K",
    "350M",
  ]);
  expect([formatDuration(4_000), formatDuration(723_000), formatDuration(273_600_000)]).toEqual([
    "4s",
    "12m3s",
    "3d4h",
  ]);
});
