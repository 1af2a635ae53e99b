/**
 * Whether a password is the one of a hash. What was judged before is remembered under a keyed hash of
 * both, so that a page of fifty requests is one comparison, and neither passwords nor answers can be
 * told from how long it takes; the rest is compared in a thread of its own.
 */
import { createHmac, randomBytes } from "node:crypto";
import { Worker } from "node:worker_threads";
import { programFile } from "@stack/base";
import type { PasswordQuestion, PasswordVerdict } from "../../bin/password-checker.ts";
import { createBoundedCache } from "../../core/static/bounded-cache.ts";

interface PasswordAsker {
  /** False once nobody waits for the verdict any more. */
  readonly isWaiting: () => boolean;
  /** Undefined: it could not be judged. */
  readonly told: (isRight: boolean | undefined) => void;
}

export interface PasswordJudge {
  /** Tells at once where it was judged before. */
  readonly judge: (hash: string, password: string, asker: PasswordAsker) => void;
}

/** One comparison that has to be made, and everybody who waits for it. */
interface Pending {
  readonly key: string;
  readonly question: PasswordQuestion;
  readonly askers: PasswordAsker[];
}

/** Different passwords waiting to be compared: beyond it somebody is guessing. */
const maxPending = 64;
const program = programFile(import.meta.resolve("@stack/edge"), "password-checker");
const remembered = { bytes: 1024 * 1024, entries: 4_096 };
/** Key and entry, about. */
const costBytes = 200;

export function createPasswordJudge(): PasswordJudge {
  const secret = randomBytes(32);
  const verdicts = createBoundedCache<{ used: boolean; costBytes: number; isRight: boolean }>(
    remembered,
  );
  /** In the order they came; the first is being compared while `isBusy`. */
  const pending = new Map<string, Pending>();
  let isBusy = false;
  let checker: Worker | undefined;

  function settle(isRight: boolean | undefined): void {
    const [first] = pending.values();
    isBusy = false;
    if (first === undefined) return;
    pending.delete(first.key);
    if (isRight !== undefined) verdicts.set(first.key, { used: false, costBytes, isRight });
    for (const { told } of first.askers) told(isRight);
    next();
  }

  /** What nobody waits for any more is not compared: guesses of clients that left cost nothing. */
  function next(): void {
    for (const one of pending.values()) {
      if (isBusy) return;
      if (one.askers.some(({ isWaiting }) => isWaiting())) {
        isBusy = true;
        checker ??= start();
        checker.postMessage(one.question);
      } else pending.delete(one.key);
    }
  }

  function start(): Worker {
    const started = new Worker(program);
    started.unref();
    started.on("message", (isRight: PasswordVerdict) => settle(isRight));
    started.on("error", () => {}); // 'exit' follows
    started.on("exit", () => {
      checker = undefined;
      settle(undefined);
    });
    return started;
  }

  return {
    judge(hash, password, asker) {
      const key = createHmac("sha256", secret).update(`${hash}\0${password}`).digest("base64");
      const known = verdicts.get(key);
      const others = pending.get(key);
      if (known !== undefined) {
        known.used = true;
        asker.told(known.isRight);
      } else if (others !== undefined) others.askers.push(asker);
      else if (pending.size >= maxPending) asker.told(undefined);
      else {
        pending.set(key, { key, question: { hash, password }, askers: [asker] });
        next();
      }
    },
  };
}
