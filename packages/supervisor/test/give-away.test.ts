/** Root gives folders and files away, and is not led to give more. Needs root. */
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { giveAccessLog } from "../src/io/stackd/access-log.ts";
import { giveFile, giveFolder } from "../src/io/stackd/give-away.ts";

const owner = { uid: 65_534, gid: 65_533 };

function idsOf(path: string): readonly number[] {
  const { uid, gid } = lstatSync(path);
  return [uid, gid];
}

test("a folder is made and given with the files in it, whoever's they were", () => {
  using folder = tempFolder();
  const path = join(folder.path, "state", "cache");
  giveFolder(path, owner);
  expect([...idsOf(path), lstatSync(path).mode & 0o777]).toEqual([owner.uid, owner.gid, 0o700]);

  writeFileSync(join(path, "of-root"), "");
  giveFolder(path, owner);
  expect(idsOf(join(path, "of-root"))).toEqual([owner.uid, owner.gid]);
  giveFolder(path, { uid: 1, gid: 1 });
  expect([idsOf(path), idsOf(join(path, "of-root"))]).toEqual([
    [1, 1],
    [1, 1],
  ]);
});

test("what lies elsewhere is not given: by a link, by another name, by a folder in between", () => {
  using folder = tempFolder();
  const secret = join(folder.path, "secret");
  const path = join(folder.path, "cache");
  writeFileSync(secret, "x");
  mkdirSync(path);
  mkdirSync(join(folder.path, "inner"));
  symlinkSync(secret, join(path, "link"));
  linkSync(secret, join(path, "second-name"));
  symlinkSync(join(folder.path, "inner"), join(path, "inner"));
  writeFileSync(join(folder.path, "inner", "deep"), "");
  chownSync(path, owner.uid, owner.gid); // as whoever laid them there has it

  giveFolder(path, owner);

  expect(idsOf(path)).toEqual([owner.uid, owner.gid]);
  expect(idsOf(secret)).toEqual([0, 0]);
  expect(idsOf(join(folder.path, "inner", "deep"))).toEqual([0, 0]);
});

test("a file is made or given, and keeps what it holds; a link is refused, a second name is let be", () => {
  using folder = tempFolder();
  const log = join(folder.path, "access.log");
  giveFile(log, owner);
  expect([...idsOf(log), lstatSync(log).mode & 0o777]).toEqual([owner.uid, owner.gid, 0o640]);

  const old = join(folder.path, "old.log");
  writeFileSync(old, "a line\n");
  giveFile(old, owner);
  expect([...idsOf(old), readFileSync(old, "utf8")]).toEqual([owner.uid, owner.gid, "a line\n"]);

  const secret = join(folder.path, "secret");
  writeFileSync(secret, "x");
  symlinkSync(secret, join(folder.path, "linked.log"));
  expect(() => giveFile(join(folder.path, "linked.log"), owner)).toThrow(/ELOOP/);
  linkSync(secret, join(folder.path, "named.log"));
  giveFile(join(folder.path, "named.log"), owner);
  expect(idsOf(secret)).toEqual([0, 0]);
});

test("in a folder of its user's own nothing is made of the access log", () => {
  using folder = tempFolder();
  const own = join(folder.path, "own");
  mkdirSync(own);
  chownSync(own, owner.uid, owner.gid);
  const plan = { file: join(own, "access.log"), format: "json" };
  giveAccessLog(plan, owner);
  expect(lstatSync(plan.file, { throwIfNoEntry: false })).toBeUndefined();

  renameSync(own, join(folder.path, "moved"));
  mkdirSync(own);
  giveAccessLog(plan, owner);
  expect(idsOf(plan.file)).toEqual([owner.uid, owner.gid]);
});
