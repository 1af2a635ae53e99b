/**
 * Opens a command's socket to the group of its folder: the command knows nothing of an edge that is
 * another user, and its umask keeps it from writing there. The folder is the app's user's, who could put
 * a link in the place of the socket: what is changed is what was looked at, whatever has its name by then.
 */
import { chmodSync, closeSync, constants, fstatSync, openSync } from "node:fs";

/** Linux' O_PATH, which Node does not name: only a handle on the file, of whatever kind. */
const pathOnly = 0o10000000;

/** False when there is no such socket of that user. */
export function openToGroup(path: string, uid: number): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(path, pathOnly | constants.O_NOFOLLOW);
    const found = fstatSync(fd);
    if (!found.isSocket() || found.uid !== uid) return false;
    chmodSync(`/proc/self/fd/${fd}`, 0o660);
    return true;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
