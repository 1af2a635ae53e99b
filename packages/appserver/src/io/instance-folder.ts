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
 * Creates the folder where it is missing and removes what an arbiter before left behind. That one
 * or its workers may still drain: they remove only what is theirs, and serial numbers go on from its
 * last, so that no name is used twice.
 */
export function openInstanceFolder(run: string, app: string, instance: number): InstanceFolder {
  const path = join(run, app);
  const ledger = join(path, `${instance}.serial`);
  const { pid } = process;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  removeSockets();
  let { serial } = readLedger(ledger);
  write();

  function removeSockets(): void {
    for (const file of readdirSync(path)) {
      if (isOwnSocket(instance, file)) rmSync(join(path, file), { force: true });
    }
  }

  function write(): void {
    writeFileSync(ledger, `${serial} ${pid}`, { mode: 0o600 });
  }

  return {
    path,
    nextSerial() {
      serial = (serial % lastSerial) + 1;
      write();
      return serial;
    },
    [Symbol.dispose]() {
      if (readLedger(ledger).pid !== pid) return; // a successor has taken over
      removeSockets();
      rmSync(ledger, { force: true });
      try {
        rmdirSync(path);
      } catch {
        // another instance still has its sockets there
      }
    },
  };
}

/** The last serial number given, and the arbiter that gave it. */
function readLedger(file: string): { readonly serial: number; readonly pid: number } {
  try {
    const [serial, pid] = readFileSync(file, "utf8").split(" ").map(Number);
    return { serial: serial || 0, pid: pid || 0 };
  } catch {
    return { serial: 0, pid: 0 }; // the first arbiter of this instance
  }
}
