/**
 * Keeps what the threads know of TLS recent: certificate files that change are read again, ticket
 * keys are replaced. Files that are not usable change nothing; the old ones stay and a warning says so.
 * Runs in the edge's main thread.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { type Logger, reportOf } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type { TlsMaterial } from "../../core/thread-messages.ts";
import { readTlsMaterials } from "./tls-materials.ts";

/** Certificate and key are seldom replaced in the same instant. */
const settleMs = 200;
/** Where the system tells of no change: network file systems, a folder that was itself replaced. */
const pollMs = 30_000;
/** Node keeps one ticket key: with a new one, sessions are made anew at the next connection. */
const ticketLifeMs = 12 * 3600 * 1000;

export interface CertificateWatch {
  /** What a new plan needs, read now; from then on its files are watched. Throws E4003. */
  readonly configure: (plan: EdgePlan) => readonly TlsMaterial[];
  readonly close: () => void;
}

/** @param onChange given everything anew */
export function createCertificateWatch(
  onChange: (materials: readonly TlsMaterial[]) => void,
  log: Logger,
): CertificateWatch {
  let plan: EdgePlan | undefined;
  let ticketSecret = randomBytes(32);
  let seen = "";
  let watchers: FSWatcher[] = [];
  let files: readonly string[] = [];
  let settling: NodeJS.Timeout | undefined;
  let poll: NodeJS.Timeout | undefined;
  let secretMade = performance.now();

  function renew(why: string): void {
    if (plan === undefined) return;
    seen = fingerprint(files); // before they are read: what changes meanwhile is seen next time
    try {
      const read = readTlsMaterials(plan, ticketSecret, Date.now());
      onChange(read.materials);
      log.info(`${why}: in use for new connections`);
    } catch (error) {
      log.warn(`${why}, but not usable, the old ones stay: ${reportOf(error).title}`);
    }
  }

  function look(): void {
    if (fingerprint(files) !== seen) renew("certificates changed");
  }

  function onPoll(): void {
    look();
    if (performance.now() - secretMade < ticketLifeMs) return;
    secretMade = performance.now();
    ticketSecret = randomBytes(32);
    renew("TLS ticket keys were replaced");
  }

  function settle(): void {
    clearTimeout(settling);
    settling = setTimeout(look, settleMs);
  }

  function stop(): void {
    for (const watcher of watchers) watcher.close();
    watchers = [];
    clearTimeout(settling);
    clearInterval(poll);
  }

  function start(): void {
    // Folders, since files are replaced by others and reached through links.
    for (const folder of new Set(files.map(dirname))) {
      try {
        const watcher = watch(folder, settle);
        watcher.on("error", () => {}); // the poll goes on
        watchers.push(watcher);
      } catch {
        // The poll sees it.
      }
    }
    poll = setInterval(onPoll, pollMs);
  }

  return {
    configure(next) {
      const read = readTlsMaterials(next, ticketSecret, Date.now());
      stop();
      plan = next;
      files = read.files;
      seen = fingerprint(files);
      if (read.files.length > 0) start();
      return read.materials;
    },
    close: stop,
  };
}

/** Changes with every file's content, as far as the system tells. */
function fingerprint(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        const { ino, size, mtimeMs } = statSync(file);
        return `${ino} ${size} ${mtimeMs}`;
      } catch {
        return "missing";
      }
    })
    .join("\n");
}
