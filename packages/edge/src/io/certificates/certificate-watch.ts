/**
 * Keeps what the threads know of TLS recent: certificate files that change are read again, ticket
 * keys are replaced. Files that are not usable change nothing; the old ones stay and a warning says so.
 * Files that only root can read come from stackd, which watches them. Runs in the edge's main thread.
 */
import { randomBytes } from "node:crypto";
import { type Logger, reportOf, watchFiles } from "@stack/base";
import type { EdgePlan } from "@stack/config";
import type { TlsMaterial } from "../../core/thread-messages.ts";
import { readTlsMaterials } from "./tls-materials.ts";

/** Node keeps one ticket key: with a new one, sessions are made anew at the next connection. */
const ticketLifeMs = 12 * 3600 * 1000;

/** What files hold, by their paths. */
export type GivenFiles = Readonly<Record<string, string>>;

export interface CertificateWatch {
  /**
   * What a new plan needs, read now; from then on its files are watched, but for those that are given.
   * Throws E4003.
   */
  readonly configure: (plan: EdgePlan, given: GivenFiles) => readonly TlsMaterial[];
  /** Files that are given hold something else. */
  readonly renew: (given: GivenFiles) => void;
  readonly close: () => void;
}

/** @param onChange given everything anew */
export function createCertificateWatch(
  onChange: (materials: readonly TlsMaterial[]) => void,
  log: Logger,
): CertificateWatch {
  let plan: EdgePlan | undefined;
  let given: GivenFiles = {};
  let ticketSecret = randomBytes(32);
  let watching: Disposable | undefined;
  let tickets: NodeJS.Timeout | undefined;

  function renew(why: string): void {
    if (plan === undefined) return;
    try {
      const read = readTlsMaterials(plan, ticketSecret, Date.now(), given);
      onChange(read.materials);
      log.info(`${why}: in use for new connections`);
    } catch (error) {
      log.warn(`${why}, but not usable, the old ones stay: ${reportOf(error).title}`);
    }
  }

  const onFiles = (): void => renew("certificates changed");

  function renewTickets(): void {
    ticketSecret = randomBytes(32);
    renew("TLS ticket keys were replaced");
  }

  function stop(): void {
    watching?.[Symbol.dispose]();
    watching = undefined;
    clearInterval(tickets);
    tickets = undefined;
  }

  return {
    configure(next, files) {
      const read = readTlsMaterials(next, ticketSecret, Date.now(), files);
      watching?.[Symbol.dispose]();
      plan = next;
      given = files;
      const own = read.files.filter((file) => !Object.hasOwn(files, file));
      watching = watchFiles(own, onFiles);
      tickets ??= setInterval(renewTickets, ticketLifeMs).unref();
      if (read.files.length === 0) stop();
      return read.materials;
    },
    renew(files) {
      given = files;
      onFiles();
    },
    close: stop,
  };
}
