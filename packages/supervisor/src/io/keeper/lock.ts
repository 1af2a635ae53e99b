/** One stack per project: the lock file of the keeper, whose content is its pid and start time. */
import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { isRunning, readStartTime } from "@stack/process";

export interface KeeperIdentity {
  readonly pid: number;
  readonly startTime: number;
}

export type LockResult =
  | { readonly kind: "taken" }
  | { readonly kind: "held"; readonly by: KeeperIdentity };

/** The keeper that holds the lock and lives; undefined when nothing runs. */
export function readLock(file: string): KeeperIdentity | undefined {
  const identity = readIdentity(file);
  return identity !== undefined && isRunning(identity.pid, identity.startTime)
    ? identity
    : undefined;
}

/** Takes the lock for this process, over the remains of a keeper that died. */
export function takeLock(file: string): LockResult {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${process.pid} ${readStartTime(process.pid)}\n`, { mode: 0o600 });
  try {
    for (;;) {
      if (tryLink(own, file)) return { kind: "taken" };
      const by = readLock(file);
      if (by !== undefined) return { kind: "held", by };
      setAside(file);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Gives up the lock of `identity`; one that was taken over since is left alone. */
export function releaseLock(file: string, identity: KeeperIdentity): void {
  const found = readIdentity(file);
  if (found?.pid === identity.pid && found.startTime === identity.startTime) unlinkSync(file);
}

/** A link fails when the name exists, and appears with its content: that makes the taking atomic. */
function tryLink(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a stale lock; another keeper that took it in the meantime gets it back. */
function setAside(file: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // somebody else did
  }
  if (readLock(aside) !== undefined) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function readIdentity(file: string): KeeperIdentity | undefined {
  try {
    const [pid, startTime] = readFileSync(file, "utf8").trim().split(" ").map(Number);
    return pid === undefined || startTime === undefined ? undefined : { pid, startTime };
  } catch {
    return undefined;
  }
}
