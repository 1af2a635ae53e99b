import { expect, test } from "vitest";
import { markUsable } from "./usable-servers.ts";

/** "." good, "d" down, "e" ejected; "/" before the backups. */
function usableOf(text: string): string {
  const [main = "", backups = ""] = text.split("/");
  const standing = (letter: string, isBackup: boolean) => ({
    isBackup,
    isDown: letter === "d",
    isEjected: letter === "e",
  });
  const servers = [
    ...[...main].map((letter) => standing(letter, false)),
    ...[...backups].map((letter) => standing(letter, true)),
  ];
  const usable = new Uint8Array(servers.length);
  markUsable(servers, usable);
  const marks = [...usable].map(String).join("");
  return backups === "" ? marks : `${marks.slice(0, main.length)}/${marks.slice(main.length)}`;
}

test.for([
  ["...", "111"],
  ["..e", "110"],
  [".d", "10"],
  [".e", "10"],
  // Most look dead: all are asked.
  [".ee", "111"],
  ["eee", "111"],
  // What checks say is believed, unless they say it of all.
  [".dd", "100"],
  ["edd", "100"],
  [".edd", "1000"],
  ["ddd", "111"],
  // Backups
  ["..../.", "1111/0"],
  ["..ee/.", "1100/0"],
  [".eee/.", "1000/1"],
  ["eee/.", "000/1"],
  ["ddd/..", "000/11"],
  ["ddd/.e", "000/10"],
  ["ddd/d", "111/0"],
  ["eee/e", "111/0"],
  ["/..", "/11"],
  ["/ee", "/11"],
] as const)("of %s are asked %s", ([servers, expected]) => {
  expect(usableOf(servers)).toBe(expected);
});
