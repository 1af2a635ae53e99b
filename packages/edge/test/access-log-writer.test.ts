import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import {
  type AccessLogWriter,
  type AccessLogWriterOptions,
  createAccessLogWriter,
} from "../src/io/log/access-log-writer.ts";

function openLog(
  file: string,
  options: Partial<AccessLogWriterOptions> = {},
): { readonly log: AccessLogWriter; readonly problems: string[] } {
  const problems: string[] = [];
  const log = createAccessLogWriter({
    file,
    onProblem: (message) => problems.push(message),
    ...options,
  });
  return { log, problems };
}

test("lines are appended to what is there, without being asked to flush", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "access.log");
  writeFileSync(file, "before\n");
  const { log } = openLog(file);
  log.write("one\n");
  log.write("two\n");

  await eventually("both lines", () => readFileSync(file, "utf8") === "before\none\ntwo\n");
  await log.close();
});

test("several writers share a file without mixing their lines", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "access.log");
  const writers = ["a", "b", "c"].map((name) => ({ name, ...openLog(file, { flushBytes: 100 }) }));
  for (let round = 0; round < 500; round += 1) {
    for (const { name, log } of writers) log.write(`${name.repeat(30)}-${round}\n`);
  }
  await Promise.all(writers.map(({ log }) => log.close()));

  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  expect(lines).toHaveLength(1500);
  expect(lines.filter((line) => !/^(?:a{30}|b{30}|c{30})-\d+$/.test(line))).toEqual([]);
});

test("a file renamed away is opened anew, and no line is lost", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "access.log");
  const { log } = openLog(file, { flushMs: 5 });
  log.write("first\n");
  await log.flush();
  renameSync(file, `${file}.1`);

  let count = 0;
  await eventually("the new file", () => {
    log.write(`line ${count}\n`);
    count += 1;
    try {
      return readFileSync(file, "utf8").length > 0;
    } catch {
      return false;
    }
  });
  await log.close();

  const all = readFileSync(`${file}.1`, "utf8") + readFileSync(file, "utf8");
  const expected = Array.from({ length: count }, (_, index) => `line ${index}\n`).join("");
  expect(all).toBe(`first\n${expected}`);
  expect(log.dropped()).toBe(0);
});

test("a full disk drops lines, counts them, says so once and never throws", async () => {
  // /dev/full fails every write with ENOSPC.
  const { log, problems } = openLog("/dev/full", { flushBytes: 1, flushMs: 1 });
  for (let round = 0; round < 10; round += 1) {
    log.write("lost\n");
    await log.flush();
  }
  expect(log.dropped()).toBe(10);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain("ENOSPC");
  await log.close();
});

test("what waits for a file that cannot be opened is bounded, and counted when it never can", async () => {
  using folder = tempFolder();
  const { log } = openLog(join(folder.path, "logs", "access.log"), {
    flushBytes: 11,
    boundBytes: 1_000,
  });
  for (let count = 0; count < 1_000; count += 1) {
    log.write("0123456789\n");
    if (count % 10 === 0) await log.flush();
  }
  const beyond = log.dropped();
  await log.close();

  expect(beyond).toBeGreaterThanOrEqual(1_000 - 2 * 90);
  expect(log.dropped()).toBe(1_000);
});

test("a folder that appears later gets the lines that waited for it, and that is said", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "logs", "access.log");
  const { log, problems } = openLog(file);
  log.write("early\n");
  await log.flush();
  log.write("late\n");
  await log.flush();

  mkdirSync(join(folder.path, "logs"));
  log.write("last\n");
  await log.flush();

  expect(readFileSync(file, "utf8")).toBe("early\nlate\nlast\n");
  expect(log.dropped()).toBe(0);
  expect(problems.map((text) => /cannot be written|is written again/.exec(text)?.[0])).toEqual([
    "cannot be written",
    "is written again",
  ]);
  await log.close();
  rmSync(file);
});

test("what the disk does not take in time is bounded", async () => {
  using folder = tempFolder();
  const { log } = openLog(join(folder.path, "access.log"), { boundBytes: 1_000 });
  for (let count = 0; count < 1_000; count += 1) log.write("0123456789\n");

  expect(log.dropped()).toBe(1_000 - 90);
  await log.close();
  log.write("after the end\n");
  expect(log.dropped()).toBe(1_000 - 90 + 1);
  expect(readFileSync(join(folder.path, "access.log"), "utf8")).toHaveLength(90 * 11);
});
