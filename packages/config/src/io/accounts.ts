/** The system's users and groups, from /etc/passwd and /etc/group. */
import { readFileSync } from "node:fs";

interface UserAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface Accounts {
  /** By name or number. A number needs no entry: its group has the same number then. */
  readonly user: (written: string | number) => UserAccount | undefined;
  readonly group: (written: string | number) => number | undefined;
  readonly userNames: () => readonly string[];
  readonly groupNames: () => readonly string[];
}

/** Read when it is asked for: most configs name no user. */
export function readAccounts(): Accounts {
  const users = (): readonly UserAccount[] =>
    linesOf("/etc/passwd").map(([name = "", , uid, gid, , home = "/"]) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
    }));
  const groups = (): readonly (readonly [name: string, gid: number])[] =>
    linesOf("/etc/group").map(([name = "", , gid]) => [name, Number(gid)]);
  return {
    user(written) {
      const found = users().find(({ name, uid }) => name === written || uid === Number(written));
      if (found !== undefined || !isNumber(written)) return found;
      const uid = Number(written);
      return { name: String(uid), uid, gid: uid, home: "/" };
    },
    group(written) {
      if (isNumber(written)) return Number(written);
      return groups().find(([name]) => name === written)?.[1];
    },
    userNames: () => users().map(({ name }) => name),
    groupNames: () => groups().map(([name]) => name),
  };
}

function isNumber(written: string | number): boolean {
  return /^\d+$/.test(String(written));
}

function linesOf(file: string): readonly string[][] {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.filter((line) => line.includes(":")).map((line) => line.split(":"));
  } catch {
    return []; // a system without: numbers still work
  }
}
