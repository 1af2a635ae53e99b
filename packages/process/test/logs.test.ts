import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { formatMark } from "@stack/control";
import {
  captureOutput,
  createLogWriter,
  followLogs,
  formatLogLine,
  type LogLine,
  readLogs,
  runToEnd,
  spawnChild,
} from "@stack/process";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { env } from "./fixtures/environment.ts";

function line(second: number, source: string, text: string): string {
  const at = `2026-03-01T12:00:${String(second).padStart(2, "0")}.000Z`;
  return formatLogLine({ at, source, stream: "out", text });
}

test("a child's output is written with its names, and marks become the source", async () => {
  using folder = tempFolder();
  const writer = createLogWriter({ file: join(folder.path, "shop-1.log") });
  const seen: string[] = [];
  const mark = formatMark("shop-1.2");
  const child = await spawnChild({
    command: ["sh", "-c", `printf 'plain\\n${mark}marked\\n'; echo bad >&2; printf 'no end'`],
    cwd: "/",
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  if (child.stdout === null || child.stderr === null) throw new Error("no pipes");
  captureOutput(child.stdout, "shop-1", "out", writer.write, (one) => seen.push(one.text));
  captureOutput(child.stderr, "shop-1", "err", writer.write);
  await child.exited;

  const lines = await eventually("all lines", () => {
    const read = readLogs({ folder: folder.path, names: [], lines: 100 });
    return read.length === 4 && read;
  });
  const texts = lines.map((one) => `${one.source} ${one.stream} ${one.text}`).toSorted();
  expect(texts).toEqual([
    "shop-1 err bad",
    "shop-1 out no end",
    "shop-1 out plain",
    "shop-1.2 out marked",
  ]);
  expect(seen).toEqual(["plain", "marked", "no end"]);
  await writer.close();
});

test("files rotate by size, the oldest goes, and reading spans them", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "jobs.log");
  const writer = createLogWriter({ file, maxBytes: 1_000, files: 3 });
  for (let number = 0; number < 60; number += 1) {
    writer.write(line(number, "jobs", `number ${number} ${"x".repeat(20)}`));
  }
  await writer.close();

  expect(readdirSync(folder.path).toSorted()).toEqual(["jobs.log", "jobs.log.1", "jobs.log.2"]);
  for (const name of readdirSync(folder.path)) {
    expect(statSync(join(folder.path, name)).size).toBeLessThanOrEqual(1_000);
  }
  const last = readLogs({ folder: folder.path, names: ["jobs"], lines: 20 });
  expect(last.map((one) => Number(one.text.split(" ")[1]))).toEqual(
    Array.from({ length: 20 }, (_, index) => 40 + index),
  );
});

test("a full disk loses lines, counts them, and the file tells when there is room again", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "jobs.log");
  symlinkSync("/dev/full", file); // every write to it is ENOSPC
  const writer = createLogWriter({ file });
  writer.write(line(1, "jobs", "lost") + line(2, "jobs", "lost too"));
  await writer.flushed();
  expect(writer.dropped()).toBe(2);

  rmSync(file);
  writer.write(line(3, "jobs", "kept"));
  await writer.close();
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines[0]).toMatch(/ keeper err 2 lines dropped here/);
  expect(lines[1]).toMatch(/ jobs out kept$/);
});

test("a disk that fills up within a line leaves no torn line behind", async ({ skip }) => {
  using folder = tempFolder();
  const disk = join(folder.path, "disk");
  mkdirSync(disk);
  const mounted = await runToEnd(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], {
    cwd: "/",
    env,
    deadlineMs: 5_000,
  });
  if (mounted.code !== 0) skip("mounting needs privileges");
  try {
    const file = join(disk, "jobs.log");
    const writer = createLogWriter({ file });
    writer.write(line(1, "jobs", "first"));
    writer.write(line(2, "jobs", "x".repeat(20_000)));
    await writer.flushed();
    expect(writer.dropped()).toBe(1);
    writeFileSync(file, ""); // somebody makes room
    writer.write(line(3, "jobs", "after"));
    await writer.close();
    const lines = readLogs({ folder: disk, names: [], lines: 10 });
    expect(lines.map((one) => one.text)).toContain("after");
    expect(lines.every((one) => !one.text.startsWith("xxx"))).toBe(true);
  } finally {
    await runToEnd(["umount", disk], { cwd: "/", env, deadlineMs: 5_000 });
  }
});

test("more than can be written at once is dropped, not kept in memory", async () => {
  using folder = tempFolder();
  const writer = createLogWriter({ file: join(folder.path, "a.log"), maxPendingBytes: 1_000 });
  for (let number = 0; number < 100; number += 1) writer.write(line(1, "a", "x".repeat(50)));
  expect(writer.dropped()).toBeGreaterThan(80);
  await writer.close();
});

test("following shows what is written from now on, over a rotation", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "jobs.log");
  const writer = createLogWriter({ file, maxBytes: 500, files: 4 });
  writer.write(line(0, "jobs", "before"));
  await writer.flushed();
  writeFileSync(join(folder.path, "access.log"), '{"method":"GET"}\n');
  const seen: LogLine[] = [];
  const stop = new AbortController();
  followLogs({ folder: folder.path, names: ["jobs"] }, (lines) => seen.push(...lines), stop.signal);

  for (let number = 1; number <= 20; number += 1) {
    writer.write(line(number, "jobs", `é ${number}`));
    await writer.flushed();
    await eventually(`line ${number}`, () => seen.length === number);
  }
  stop.abort();
  expect(readdirSync(folder.path)).toContain("jobs.log.1");
  expect(seen.map((one) => one.text)).toEqual(
    Array.from({ length: 20 }, (_, index) => `é ${index + 1}`),
  );
  await writer.close();
});

test("the last lines of many services are in the order of time", () => {
  using folder = tempFolder();
  writeFileSync(join(folder.path, "a.log"), line(1, "a", "1") + line(3, "a", "3"));
  writeFileSync(join(folder.path, "b.log"), line(2, "b", "2") + line(4, "b", "4"));
  writeFileSync(join(folder.path, "access.log"), '{"path":"/"}\n');
  const texts = (lines: number) =>
    readLogs({ folder: folder.path, names: [], lines }).map((one) => one.text);
  expect(texts(3)).toEqual(["2", "3", "4"]);
  expect(texts(100)).toEqual(["1", "2", "3", "4"]);
  expect(texts(0)).toEqual([]);
});
