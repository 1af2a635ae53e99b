/** From the TLS settings of a plan to what its threads need: certificates read, ticket keys derived. */
import { createHash, hkdfSync } from "node:crypto";
import type { EdgePlan, TlsPlan } from "@stack/config";
import type { TlsMaterial } from "../../core/thread-messages.ts";
import { certificateUnusable } from "../../errors.ts";
import { type CertificateFiles, readAuthorities, readCertificate } from "./read-certificate.ts";
import { ensureSelfSigned } from "./self-signed.ts";

export interface TlsMaterials {
  readonly materials: readonly TlsMaterial[];
  /** All files that were read. */
  readonly files: readonly string[];
}

const ticketKeyBytes = 48;

/**
 * Reads what the listeners of a plan need.
 *
 * @param ticketSecret of this run of the edge; a new one ends all sessions made before
 * @param now Unix time in milliseconds
 * @param given what files hold that need not be read, by their paths
 * Throws E4003.
 */
export function readTlsMaterials(
  plan: EdgePlan,
  ticketSecret: Uint8Array,
  now: number,
  given: Readonly<Record<string, string>> = {},
): TlsMaterials {
  const materials: TlsMaterial[] = [];
  const files: string[] = [];
  plan.listeners?.forEach(({ tls }, listener) => {
    if (tls === null) return;
    const pairs = pairsOf(tls, now);
    const certificates = pairs.map((pair) => readCertificate(pair, given));
    const clientCa = tls.clientCa === null ? null : readAuthorities(tls.clientCa, given);
    for (const { cert, key } of pairs) files.push(cert, key);
    if (tls.clientCa !== null) files.push(tls.clientCa);
    // A session may only be resumed where its client would have been asked for the same: else one
    // that showed no certificate to one listener is let in by another without (CVE-2025-23419).
    const policy = createHash("sha256")
      .update(JSON.stringify([listener, clientCa, tls.clientCertificates]))
      .digest("hex")
      .slice(0, 32);
    const ticketKey = new Uint8Array(
      hkdfSync("sha256", ticketSecret, "", `stack tickets ${policy}`, ticketKeyBytes),
    );
    materials.push({ listener, certificates, clientCa, policy, ticketKey });
  });
  return { materials, files };
}

function pairsOf(tls: TlsPlan, now: number): readonly CertificateFiles[] {
  if (tls.selfSignedFolder === null) return tls.certificates;
  try {
    return [ensureSelfSigned(tls.selfSignedFolder, now)];
  } catch (cause) {
    const reason = `a self-signed certificate cannot be kept there (${(cause as Error).message})`;
    throw certificateUnusable({ file: tls.selfSignedFolder, reason }, cause);
  }
}
