/**
 * From a name below a static root to a regular file that is really there. A link may lead anywhere
 * below the root and nowhere else; devices, FIFOs and sockets are never opened. What was opened is
 * compared with what was found, so that a file swapped in between is not served.
 */
import { close, constants, fstat, open } from "node:fs";
import { readlink, realpath, stat } from "node:fs/promises";
import { promisify } from "node:util";
import type { FileFacts } from "../../core/static/static-answer.ts";

const openFile = promisify(open);
const fstatFile = promisify(fstat);

export interface FoundFile extends FileFacts {
  readonly kind: "file";
  /** Its real path. */
  readonly path: string;
  /** Changes whenever the file or its content does. */
  readonly identity: string;
  /** When anything of it was last changed. */
  readonly changedMs: number;
}

/** A folder that a listing may read: its real path. */
interface FoundFolder {
  readonly kind: "folder";
  readonly path: string;
  readonly mtimeMs: number;
}

export type Found =
  | FoundFile
  | FoundFolder
  | { readonly kind: "missing" }
  | { readonly kind: "forbidden" };

interface Facts {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/**
 * Throws what is a fault of the machine and not of the name (EMFILE, EIO).
 *
 * @param root resolved anew each time: it may be a link that a deployment moves
 */
export async function findBelow(root: string, relative: string): Promise<Found> {
  try {
    const realRoot = await realpath(root);
    const path = relative === "" ? realRoot : await realpath(`${realRoot}/${relative}`);
    if (!isBelow(path, realRoot)) return { kind: "missing" };
    const facts = await stat(path, { bigint: true });
    if (facts.isDirectory()) {
      return { kind: "folder", path, mtimeMs: Number(facts.mtimeNs / 1_000_000n) };
    }
    if (!facts.isFile()) return { kind: "missing" };
    return {
      kind: "file",
      path,
      identity: identityOf(facts),
      size: Number(facts.size),
      mtimeMs: Number(facts.mtimeNs / 1_000_000n),
      mtimeNs: facts.mtimeNs,
      changedMs: Number(facts.ctimeNs / 1_000_000n),
      ino: facts.ino,
    };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** The real path of a folder below the root. */
export async function findFolder(root: string, relative: string): Promise<string | undefined> {
  const found = await findBelow(root, relative);
  return found.kind === "folder" ? found.path : undefined;
}

/** Of a file or folder that a request would find; undefined for all else. */
export async function statBelow(
  root: string,
  relative: string,
): Promise<
  { readonly isFolder: boolean; readonly size: number; readonly mtimeMs: number } | undefined
> {
  const found = await findBelow(root, relative);
  if (found.kind === "folder") return { isFolder: true, size: 0, mtimeMs: found.mtimeMs };
  if (found.kind === "file") return { isFolder: false, size: found.size, mtimeMs: found.mtimeMs };
  return undefined;
}

/** A descriptor of exactly the file that was found, or undefined when it is another by now. */
export async function openFound(file: FoundFile): Promise<number | undefined> {
  // Non-blocking: a FIFO that took the file's place must not hold a thread of the pool.
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  let fd: number;
  try {
    fd = await openFile(file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (outcomeOf(error).kind === "missing") return undefined;
    throw error;
  }
  try {
    const same = (await identityOfOpen(fd)) === file.identity && (await isStillAt(fd, file.path));
    if (same) return fd;
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
  closeQuietly(fd);
  return undefined;
}

/** As `FoundFile.identity`, of a descriptor. */
export async function identityOfOpen(fd: number): Promise<string> {
  return identityOf(await fstatFile(fd, { bigint: true }));
}

/** Closes without waiting: nothing was written, so an error of close means nothing. */
export function closeQuietly(fd: number): void {
  close(fd, () => {});
}

function isBelow(path: string, root: string): boolean {
  return path === root || root === "/" || path.startsWith(`${root}/`);
}

function identityOf(facts: Facts): string {
  return `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}:${facts.ctimeNs}`;
}

/**
 * Whether the kernel knows the open file by the path that was judged: a folder on the way may have
 * become a link. Where there is no /proc the judgement stands.
 */
async function isStillAt(fd: number, path: string): Promise<boolean> {
  try {
    return (await readlink(`/proc/self/fd/${fd}`)) === path;
  } catch {
    return true;
  }
}

function outcomeOf(error: unknown): Found {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
    case "ENAMETOOLONG":
    case "ELOOP":
    case "ENXIO":
      return { kind: "missing" };
    case "EACCES":
    case "EPERM":
      return { kind: "forbidden" };
    default:
      throw error;
  }
}
