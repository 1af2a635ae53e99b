import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { watchFiles } from "./watch-files.ts";

test("a file that is rewritten, or replaced by another, is told of; its neighbour is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stack-watch-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "watched");
  const other = join(folder, "other");
  writeFileSync(file, "one");
  let changed = Promise.withResolvers<void>();
  let times = 0;
  using _watch = watchFiles([file], () => {
    times += 1;
    changed.resolve();
  });

  writeFileSync(other, "x");
  writeFileSync(file, "another");
  await changed.promise;
  changed = Promise.withResolvers();
  writeFileSync(other, "yy");
  renameSync(other, file);
  await changed.promise;
  expect(times).toBe(2);
});
