/** Field lines of answers on their way through the cache. Pure. */

const tagLines = /^cache-tag:[^\r\n]*\r\n/gim;

/** `Cache-Tag` is said to the cache; no client sees it. */
export function withoutTags(fields: string): string {
  return fields.includes("ache-") || fields.includes("ACHE-")
    ? fields.replace(tagLines, "")
    : fields;
}

/** In mode "force" the app has seen nothing that is not in the key: there is nothing to vary by. */
export function withoutVary(fields: string): string {
  return fields.replace(/^vary:[^\r\n]*\r\n/gim, "");
}

/**
 * Vary without Accept-Encoding: for an answer to a request that had none, which the edge codes
 * itself for those that accept it.
 */
export function withoutEncodingVary(fields: string): string {
  if (!/^vary:/im.test(fields) || /^content-encoding:/im.test(fields)) return fields;
  return fields.replace(/^vary:([^\r\n]*)\r\n/gim, (line, value: string) => {
    const names = value.split(",").map((name) => name.trim());
    const kept = names.filter((name) => name.toLowerCase() !== "accept-encoding");
    if (kept.length === names.length) return line;
    return kept.length === 0 ? "" : `Vary: ${kept.join(", ")}\r\n`;
  });
}

/** The lines that set cookies: for whoever asked, where the rest is for all. */
export function cookiesOf(fields: string): string {
  return fields.match(/^set-cookie:[^\r\n]*\r\n/gim)?.join("") ?? "";
}
