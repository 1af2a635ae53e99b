/**
 * The certificate of `tls: "self-signed"` (RFC 5280), all but its signature: for a developer's own
 * machine, so that pages are served over HTTPS and HTTP/2 there as they will be in production.
 */
import { bitString, der, derTag, integer, objectId, utcTime, utf8String } from "./der.ts";

export interface CertificateFacts {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** 4 or 16 bytes each. */
  readonly addresses: readonly Uint8Array[];
  /** At most 20 bytes, random. */
  readonly serial: Uint8Array;
  /** ISO 8601 UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** SubjectPublicKeyInfo, as `KeyObject.export` writes it. */
  readonly publicKey: Uint8Array;
}

/** What is signed: with ECDSA over SHA-256. */
export function encodeUnsigned(facts: CertificateFacts): Uint8Array {
  const name = der(
    derTag.sequence,
    der(derTag.set, der(derTag.sequence, objectId("2.5.4.3"), utf8String(facts.commonName))),
  );
  return der(
    derTag.sequence,
    der(explicit(0), integer(Uint8Array.of(2))), // version 3
    integer(facts.serial),
    ecdsaWithSha256(),
    name,
    der(derTag.sequence, utcTime(facts.notBefore), utcTime(facts.notAfter)),
    name,
    facts.publicKey,
    der(explicit(3), der(derTag.sequence, ...extensions(facts))),
  );
}

/** @param signature of `unsigned`, as DER */
export function encodeSigned(unsigned: Uint8Array, signature: Uint8Array): Uint8Array {
  return der(derTag.sequence, unsigned, ecdsaWithSha256(), bitString(signature));
}

function extensions(facts: CertificateFacts): Uint8Array[] {
  const names = [
    ...facts.dnsNames.map((name) => der(implicit(2), Buffer.from(name, "latin1"))),
    ...facts.addresses.map((address) => der(implicit(7), address)),
  ];
  return [
    extension("2.5.29.17", false, der(derTag.sequence, ...names)),
    // Not an authority: a browser that is told to trust it trusts no other certificate by it.
    extension("2.5.29.19", true, der(derTag.sequence)),
    extension("2.5.29.15", true, bitString(Uint8Array.of(0x80), 7)), // digitalSignature
    extension("2.5.29.37", false, der(derTag.sequence, objectId("1.3.6.1.5.5.7.3.1"))), // serverAuth
  ];
}

function extension(id: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  const critical = isCritical ? [der(derTag.boolean, Uint8Array.of(0xff))] : [];
  return der(derTag.sequence, objectId(id), ...critical, der(derTag.octetString, value));
}

function ecdsaWithSha256(): Uint8Array {
  return der(derTag.sequence, objectId("1.2.840.10045.4.3.2"));
}

function explicit(tag: number): number {
  return 0xa0 + tag;
}

function implicit(tag: number): number {
  return 0x80 + tag;
}
