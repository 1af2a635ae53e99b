/**
 * Which certificate a client gets for the name it asks for (SNI, RFC 6066 §3): one that names it, else
 * one with a wildcard for it, else the first.
 */

export interface NameTable {
  readonly exact: ReadonlyMap<string, number>;
  /** "*.example.com" as "example.com". */
  readonly wildcards: ReadonlyMap<string, number>;
}

/** @param names of each certificate, in any case; where two have the same, the first stays */
export function buildNameTable(names: readonly (readonly string[])[]): NameTable {
  const exact = new Map<string, number>();
  const wildcards = new Map<string, number>();
  names.forEach((list, index) => {
    for (const written of list) {
      const name = written.toLowerCase();
      const [table, key] = name.startsWith("*.") ? [wildcards, name.slice(2)] : [exact, name];
      if (!table.has(key)) table.set(key, index);
    }
  });
  return { exact, wildcards };
}

/** Position of the certificate for a name. A wildcard stands for one label (RFC 9525 §6.3). */
export function chooseCertificate(table: NameTable, name: string): number {
  const asked = name.toLowerCase();
  const dot = asked.indexOf(".");
  const parent = dot > 0 ? table.wildcards.get(asked.slice(dot + 1)) : undefined;
  return table.exact.get(asked) ?? parent ?? 0;
}

/** The DNS names of a certificate, from what `X509Certificate` says of it. */
export function namesOf(subjectAltName: string | undefined, subject: string | undefined): string[] {
  if (subjectAltName !== undefined) {
    return [...subjectAltName.matchAll(/(?:^|, )DNS:("?)([^",]+)\1/g)].map(
      (match) => match[2] ?? "",
    );
  }
  // Old ones have their name only there; clients no longer look, but it chooses the certificate.
  const name = /^CN=(.+)$/m.exec(subject ?? "")?.[1];
  return name === undefined ? [] : [name];
}
