/** `tls: "self-signed"`: a key and certificate for development, made once and kept beside the config. */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { encodeSigned, encodeUnsigned } from "../../core/tls/development-certificate.ts";
import type { CertificateFiles } from "./read-certificate.ts";

const dayMs = 24 * 3600 * 1000;
const lifeMs = 365 * dayMs;
/** One that ends sooner is replaced. */
const leastLeftMs = 30 * dayMs;

/**
 * The paths of the pair in a folder, made when it is not there or near its end.
 * Throws the system's error where the folder cannot be written.
 */
export function ensureSelfSigned(folder: string, now: number): CertificateFiles {
  const files = { cert: join(folder, "self-signed.crt"), key: join(folder, "self-signed.key") };
  if (isUsable(files.cert, now)) return files;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { cert, key } = createSelfSigned(now);
  replace(files.key, key, 0o600);
  replace(files.cert, cert, 0o644);
  return files;
}

/** PEM texts; also for tests. */
export function createSelfSigned(
  now: number,
  names: readonly string[] = defaultNames(),
): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never shortened
  const unsigned = encodeUnsigned({
    commonName: names[0] ?? "localhost",
    dnsNames: names,
    addresses: [Uint8Array.of(127, 0, 0, 1), Uint8Array.of(...new Uint8Array(15), 1)],
    serial,
    notBefore: new Date(now - dayMs).toISOString(), // clocks differ
    notAfter: new Date(now + lifeMs).toISOString(),
    publicKey: publicKey.export({ type: "spki", format: "der" }),
  });
  const signature = sign("sha256", unsigned, { key: privateKey, dsaEncoding: "der" });
  return {
    cert: pem("CERTIFICATE", encodeSigned(unsigned, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function defaultNames(): string[] {
  const own = hostname().toLowerCase();
  const isName = /^[a-z0-9.-]{1,63}$/.test(own) && own !== "localhost";
  return ["localhost", "*.localhost", ...(isName ? [own] : [])];
}

function isUsable(file: string, now: number): boolean {
  try {
    const certificate = new X509Certificate(readFileSync(file));
    return Date.parse(certificate.validTo) - now > leastLeftMs;
  } catch {
    return false;
  }
}

/** Whole or not at all, whoever reads meanwhile. */
function replace(file: string, text: string, mode: number): void {
  const fresh = `${file}.new`;
  writeFileSync(fresh, text, { mode });
  chmodSync(fresh, mode);
  renameSync(fresh, file);
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
