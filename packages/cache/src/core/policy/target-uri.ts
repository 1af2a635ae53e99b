/** Resolves the URIs that an answer names (RFC 9110 §10.2.2, §8.7): only those of its own origin count. */
import { normalisePath } from "@stack/protocols";

/**
 * As a key begins: the base's own scheme and authority, the path as it is matched, the query.
 * Undefined for what is no URI, or one of another origin.
 */
export function resolveSameOrigin(reference: string, base: string): string | undefined {
  if (reference === "" || !URL.canParse(base) || !URL.canParse(reference, base)) return undefined;
  const url = new URL(reference, base);
  if (url.origin !== new URL(base).origin) return undefined;
  const path = normalisePath(url.pathname);
  if (path === "") return undefined;
  const origin = /^[a-z]+:\/\/[^/?]*/.exec(base)?.[0] ?? url.origin;
  return `${origin}${path}${url.search}`;
}
