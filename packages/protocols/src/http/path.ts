/**
 * The one form of a path that is matched, looked up and forwarded (features: "normalise once").
 *
 * | in the target                        | becomes                                              |
 * | ------------------------------------ | ---------------------------------------------------- |
 * | %XX of an unreserved character       | the character                                        |
 * | any other %XX                        | stays, its digits in upper case                      |
 * | a byte above 0x7f                    | its %XX                                              |
 * | bad %, %00                           | refused                                              |
 * | "." and ".." segments, also encoded  | resolved; above the root: refused                    |
 * | %2F, %5C, "\"                        | stay; refused where, read as "/", they would yield a dot segment |
 * | "//"                                 | stays                                                |
 * | ";" and what follows                 | stays: part of its segment's name                    |
 */
import { hexValue, unreservedTable } from "./characters.ts";

/** The normalised path, or "" when it must be refused. `path` starts with "/". */
export function normalisePath(path: string): string {
  if (!/[%\\\x80-\xff]|\/\./.test(path)) return path;
  const decoded = path.includes("%") ? decodeUnreserved(path) : path;
  if (decoded === "") return "";
  return encodeHighBytes(decoded.includes(".") ? resolveSegments(decoded) : decoded);
}

/** Bytes above 0x7f as %XX: a target must not have them bare, and not every server takes them. */
export function encodeHighBytes(text: string): string {
  return text.replace(/[\x80-\xff]/g, percentOf);
}

/** The bytes of a normalised path as latin-1: what CGI calls PATH_INFO. */
export function decodePath(path: string): string {
  let at = path.indexOf("%");
  if (at < 0) return path;
  let decoded = "";
  let from = 0;
  for (; at >= 0; at = path.indexOf("%", from)) {
    decoded += path.slice(from, at);
    decoded += String.fromCharCode(
      hexValue(path.charCodeAt(at + 1)) * 16 + hexValue(path.charCodeAt(at + 2)),
    );
    from = at + 3;
  }
  return decoded + path.slice(from);
}

function decodeUnreserved(path: string): string {
  let decoded = "";
  let from = 0;
  for (let at = path.indexOf("%"); at >= 0; at = path.indexOf("%", from)) {
    const high = hexValue(path.charCodeAt(at + 1));
    const low = hexValue(path.charCodeAt(at + 2));
    if (high < 0 || low < 0) return ""; // NaN at the end of the text gives -1 as well
    const byte = high * 16 + low;
    if (byte === 0) return "";
    decoded += path.slice(from, at);
    decoded +=
      unreservedTable[byte] === 1
        ? String.fromCharCode(byte)
        : path.slice(at, at + 3).toUpperCase();
    from = at + 3;
  }
  return decoded + path.slice(from);
}

/** RFC 3986 §5.2.4, but a ".." with nothing left to remove is refused. */
function resolveSegments(path: string): string {
  const segments = path.split("/");
  const kept: string[] = [];
  const last = segments.length - 1;
  for (let index = 1; index <= last; index++) {
    const segment = segments[index] as string;
    if (segment === ".") {
      if (index === last) kept.push("");
    } else if (segment === "..") {
      if (kept.length === 0) return "";
      kept.pop();
      if (index === last) kept.push("");
    } else if (hidesDotSegment(segment)) {
      return "";
    } else {
      kept.push(segment);
    }
  }
  return `/${kept.join("/")}`;
}

function hidesDotSegment(segment: string): boolean {
  if (!segment.includes(".") || !/%2F|%5C|\\/.test(segment)) return false;
  return segment.split(/%2F|%5C|\\/).some((part) => part === "." || part === "..");
}

const digits = "0123456789ABCDEF";

function percentOf(char: string): string {
  const code = char.charCodeAt(0);
  return `%${digits[code >> 4]}${digits[code & 15]}`;
}
