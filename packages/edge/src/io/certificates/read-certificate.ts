/** One certificate with its key, from files to what a thread can use; what is wrong with it is said here. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { TlsCertificate } from "../../core/thread-messages.ts";
import { namesOf } from "../../core/tls/server-names.ts";
import { certificateUnusable } from "../../errors.ts";

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads and checks both files.
 *
 * @param given what files hold that need not be read
 * Throws E4003 when they cannot be read, are no PEM, or do not belong together.
 */
export function readCertificate(
  files: CertificateFiles,
  given: Readonly<Record<string, string>>,
): TlsCertificate {
  const cert = given[files.cert] ?? readText(files.cert);
  const key = given[files.key] ?? readText(files.key);
  const leaf = attempt(files.cert, "it holds no certificate in PEM form", () => {
    return new X509Certificate(cert);
  });
  const secret = attempt(
    files.key,
    "it holds no private key in PEM form without a passphrase",
    () => createPrivateKey(key),
  );
  if (!leaf.checkPrivateKey(secret)) {
    throw certificateUnusable({ file: files.key, reason: `it is not the key of ${files.cert}` });
  }
  attempt(files.cert, "OpenSSL does not take it", () => createSecureContext({ cert, key }));
  return { cert, key, names: namesOf(leaf.subjectAltName, leaf.subject) };
}

/** Certificates of authorities, for `clientCa`. Throws E4003. */
export function readAuthorities(file: string, given: Readonly<Record<string, string>>): string {
  const text = given[file] ?? readText(file);
  attempt(file, "it holds no certificate in PEM form", () => new X509Certificate(text));
  attempt(file, "OpenSSL does not take it", () => createSecureContext({ ca: text }));
  return text;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    throw certificateUnusable({ file, reason }, cause);
  }
}

function attempt<Result>(file: string, reason: string, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    throw certificateUnusable({ file, reason }, cause);
  }
}
