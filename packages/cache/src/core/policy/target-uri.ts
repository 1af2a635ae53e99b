/** Compares and resolves the URIs that answers name (RFC 9110 §7.1): only those of the same origin count. */

/** Without its fragment; undefined for what is no URI, or one of another origin. */
export function resolveSameOrigin(reference: string, base: string): URL | undefined {
  if (reference === "" || !URL.canParse(reference, base)) return undefined;
  const url = new URL(reference, base);
  if (url.origin !== new URL(base).origin) return undefined;
  url.hash = "";
  return url;
}

/** Whether a reference names the resource at `uri` itself. An empty one does not. */
export function sameResource(reference: string, uri: string): boolean {
  const resolved = URL.canParse(uri) ? resolveSameOrigin(reference, uri) : undefined;
  return resolved !== undefined && resolved.href === new URL(uri).href;
}
