/**
 * The thread that compares passwords with hashes made to be slow: no request but the one that is
 * checked waits for it. Started by `io/protection/password-judge.ts`.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { parentPort } from "node:worker_threads";
import hashApr1 from "apache-md5";
import { compareSync } from "bcryptjs";
import { verify as verifySha2 } from "unixcrypt";

export interface PasswordQuestion {
  readonly hash: string;
  readonly password: string;
}

/** Whether it is right. */
export type PasswordVerdict = boolean;

parentPort?.on("message", ({ hash, password }: PasswordQuestion) => {
  parentPort?.postMessage(isRight(hash, password) satisfies PasswordVerdict);
});

/** The forms of `core/protection/password-file.ts`. */
function isRight(hash: string, password: string): boolean {
  if (hash.startsWith("$2")) return compareSync(password, hash);
  if (/^\$[56]\$/.test(hash)) return verifySha2(password, hash);
  if (hash.startsWith("{SHA}")) {
    return isSame(`{SHA}${createHash("sha1").update(password).digest("base64")}`, hash);
  }
  // It takes a character for a byte.
  return isSame(hashApr1(Buffer.from(password).toString("latin1"), hash), hash);
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
