import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "@stack/process";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";

test("makes what is missing above it, and leaves what is there", () => {
  using temp = tempFolder();
  const root = temp.path;
  const folder = join(root, "a/b/c");
  makeFolder(folder, 0o700);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  mkdirSync(join(folder, "kept"));
  makeFolder(folder, 0o755);
  expect(statSync(join(folder, "kept")).isDirectory()).toBe(true);
});

test("fails at once where no folder can be made", () => {
  using temp = tempFolder();
  const root = temp.path;
  writeFileSync(join(root, "file"), "");
  expect(() => makeFolder(join(root, "file/below"))).toThrow(/ENOTDIR|EEXIST/);
  expect(() => makeFolder("/proc/no-such-folder/below")).toThrow(/ENOENT/);
});
