/**
 * `run/APP/`: the workers' sockets of all instances of an app; each arbiter keeps to its own files. It
 * may be the app's user's, who can put anything there: what arbiters themselves write and listen on
 * is in `run/@arbiters/`, which is theirs alone.
 */
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { AppPlan } from "@stack/config";
import { arbitersFolder, controlSocketName, isOwnSocket } from "../core/names.ts";
import { hasOtherEdge } from "../core/plan-change.ts";

export interface InstanceFolder extends Disposable {
  readonly path: string;
  /** Where the arbiter listens for its workers. */
  readonly control: string;
  /** Gives the folder to who the app runs as; the edge's group may pass. */
  readonly giveTo: (plan: AppPlan) => void;
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
  const own = join(run, arbitersFolder);
  const ledger = join(own, `${app}-${instance}.serial`);
  const control = join(own, controlSocketName(app, instance));
  const { pid } = process;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  mkdirSync(own, { recursive: true, mode: 0o711 });
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
    control,
    giveTo(plan) {
      const uid = plan.user?.uid ?? process.getuid?.() ?? 0;
      const gid = process.getgid?.() ?? 0;
      lchownSync(path, uid, plan.edgeGroup ?? gid);
      chmodSync(path, hasOtherEdge(plan) ? 0o2710 : 0o700);
      lchownSync(control, uid, gid);
    },
    nextSerial() {
      serial = (serial % lastSerial) + 1;
      write();
      return serial;
    },
    [Symbol.dispose]() {
      if (readLedger(ledger).pid !== pid) return; // a successor has taken over
      removeSockets();
      rmSync(ledger, { force: true });
      rmSync(control, { force: true });
      for (const folder of [path, own]) {
        try {
          rmdirSync(folder);
        } catch {
          // another arbiter still has its files there
        }
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
