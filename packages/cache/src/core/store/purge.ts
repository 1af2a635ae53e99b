/** What can be purged at once. A key begins with its URL, up to the first line feed. */

export type PurgeTarget =
  | { readonly kind: "all" }
  | { readonly kind: "tag"; readonly tag: string }
  /** Of URLs. */
  | { readonly kind: "prefix"; readonly prefix: string }
  /** In all its variants. */
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
