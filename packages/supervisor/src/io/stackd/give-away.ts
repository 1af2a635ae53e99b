/**
 * Folders of ours that become somebody else's. What root gives away it must not be led astray by: no
 * link is followed, and nothing is given that has another name elsewhere.
 */
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  realpathSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { makeFolder } from "@stack/process";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Makes a folder with the files in it somebody's: it may be there from a run as somebody else. */
export function giveFolder(path: string, owner: Owner): void {
  makeFolder(path, 0o700);
  const folder = realpathSync(path); // the operator may have laid it elsewhere
  const files = listFiles(folder);
  const isTheirs = ({ uid, gid }: Stats): boolean => uid === owner.uid && gid === owner.gid;
  if (isTheirs(lstatSync(folder)) && files.every(([, found]) => isTheirs(found))) return;
  // Ours while files are given: nobody puts another there meanwhile.
  lchownSync(folder, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  for (const [file, { nlink }] of listFiles(folder)) {
    if (nlink === 1) lchownSync(file, owner.uid, owner.gid);
  }
  lchownSync(folder, owner.uid, owner.gid);
}

/** Makes a file somebody's, an empty one where there is none. */
export function giveFile(path: string, owner: Owner): void {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  const fd = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY, 0o640);
  try {
    const found = fstatSync(fd);
    const isTheirs = found.uid === owner.uid && found.gid === owner.gid;
    if (!isTheirs && found.isFile() && found.nlink === 1) fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
}

function listFiles(folder: string): readonly (readonly [path: string, found: Stats])[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name))
    .map((path) => [path, lstatSync(path)] as const);
}
