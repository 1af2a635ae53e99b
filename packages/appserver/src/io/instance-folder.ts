/** `run/APP/`: the sockets of all instances of an app. Each arbiter keeps to its own files. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isOwnSocket } from "../core/names.ts";

export interface InstanceFolder extends Disposable {
  readonly path: string;
  /** Never the same twice, whichever arbiter of the instance asks: names of sockets and keys. */
  readonly nextSerial: () => number;
}

/** Five digits: a socket's path is short. */
const lastSerial = 99_999;

/**
 * Creates the folder where it is missing and removes what an arbiter before left behind. Workers of
 * that one may still drain and remove their own sockets, so serial numbers go on from its last.
 */
export function openInstanceFolder(run: string, app: string, instance: number): InstanceFolder {
  const path = join(run, app);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const file of readdirSync(path)) {
    if (isOwnSocket(instance, file)) rmSync(join(path, file), { force: true });
  }
  const counter = join(path, `${instance}.serial`);
  let serial = readCounter(counter);
  return {
    path,
    nextSerial() {
      serial = (serial % lastSerial) + 1;
      writeFileSync(counter, String(serial), { mode: 0o600 });
      return serial;
    },
    [Symbol.dispose]() {
      for (const file of readdirSync(path)) {
        if (isOwnSocket(instance, file)) rmSync(join(path, file), { force: true });
      }
      rmSync(counter, { force: true });
      try {
        rmdirSync(path);
      } catch {
        // another instance still has its sockets there
      }
    },
  };
}

function readCounter(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, "utf8"), 10) || 0;
  } catch {
    return 0; // the first arbiter of this instance
  }
}
