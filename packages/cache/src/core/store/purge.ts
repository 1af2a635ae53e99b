/** What can be purged at once. A key names its resource before the first NUL, its variant after it. */

export type PurgeTarget =
  | { readonly kind: "all" }
  | { readonly kind: "tag"; readonly tag: string }
  /** Of what stands in a key before its first NUL. */
  | { readonly kind: "prefix"; readonly prefix: string }
  /** All variants of one resource: the key up to its first NUL. */
  | { readonly kind: "url"; readonly url: string };

export interface Purge {
  readonly target: PurgeTarget;
  /** Soft: what is purged is stale, not gone. */
  readonly soft: boolean;
  /** What was stored until then (Unix time) is purged. */
  readonly atMs: number;
}

/** The tag that everything made by a release carries. */
export function releaseTag(release: string): string {
  return `\u0001release=${release}`;
}
