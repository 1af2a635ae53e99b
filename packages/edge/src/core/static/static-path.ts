/**
 * From the path of a request to the name of a file below a static root. Pure: what the name leads
 * to on the disk (links, devices) is judged in `io/static/static-lookup.ts`.
 */

export interface StaticName {
  /** "css/site.css", decoded; "" for the root itself. Never "..", never a hidden name. */
  readonly relative: string;
  /** The path ended in "/": its index.html is meant. */
  readonly isFolder: boolean;
}

/**
 * Undefined for what must look like a file that does not exist: hidden names, empty segments,
 * encoded slashes, NUL, what is not UTF-8.
 *
 * @param path normalised, still percent-encoded
 * @param prefixLength characters of it that the route covers
 */
export function decideStaticName(path: string, prefixLength: number): StaticName | undefined {
  const below = prefixLength === 0 ? path : path.slice(prefixLength);
  if (below === "") return { relative: "", isFolder: false };
  const segments = below.split("/");
  // Every path begins with "/", and so does what follows a prefix.
  if (segments.shift() !== "") return undefined;
  const isFolder = segments.at(-1) === "";
  if (isFolder) segments.pop();
  const names: string[] = [];
  for (const segment of segments) {
    const name = decodeSegment(segment);
    if (name === undefined || name === "" || name.startsWith(".")) return undefined;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL would end the name early
    if (/[/\\\u0000]/.test(name)) return undefined;
    names.push(name);
  }
  return { relative: names.join("/"), isFolder };
}

function decodeSegment(segment: string): string | undefined {
  if (/^[!-$&-~]*$/.test(segment)) return segment;
  // Bytes that came unencoded are bytes of UTF-8 as well.
  const encoded = segment.replace(/[\x80-\xff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/**
 * Whether a path names a script, with or without a path after it: where files and an app share a
 * route its source is nobody's.
 */
export function isScript(path: string): boolean {
  return /\.ph(?:p[0-9]?|tml|ar|ps)(?:\/|$)/i.test(path);
}
