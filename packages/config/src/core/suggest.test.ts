import { expect, test } from "vitest";
import { editDistance, suggest } from "./suggest.ts";

const keys = ["kind", "cwd", "env", "instances", "workers", "timeout", "bootTimeout", "app"];

test.for([
  ["wrokers", "workers"],
  ["worker", "workers"],
  ["Workers", "workers"],
  ["time_out", "timeout"],
  ["boot_timeout", "bootTimeout"],
  ["instnces", "instances"],
  ["apps", "app"],
  ["directory", undefined],
  ["x", undefined],
  ["tls", undefined],
  ["", undefined],
] as const)("%s is taken for %s", ([written, expected]) => {
  expect(suggest(written, keys)).toBe(expected);
});

test.for([
  ["", "abc", 3],
  ["abc", "abc", 0],
  ["abc", "acb", 1],
  ["kitten", "sitting", 3],
] as const)("from %s to %s it is %i edits", ([from, to, edits]) => {
  expect(editDistance(from, to)).toBe(edits);
});
