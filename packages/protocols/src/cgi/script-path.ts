/**
 * Which script a path names, and what of the path is the script's to read (RFC 3875 §4.1.5, §4.1.13).
 * Decided by the text of the path alone: the caller must still see that the script is a regular file
 * below the root, or "/avatar.png/x.php" would hand an upload to an interpreter that looks for the
 * nearest file by itself (PHP's cgi.fix_pathinfo).
 */
import { decodePath } from "../http/path.ts";

export interface ScriptPath {
  /** "/index.php", percent-decoded; "" for an application that is no file. */
  readonly scriptName: string;
  /** "/foo" of "/index.php/foo", percent-decoded; "" when nothing follows the script. */
  readonly pathInfo: string;
}

/**
 * Splits after the first segment that ends in `extension`; a folder names its index.
 *
 * | path                                | script name       | path info  |
 * | ----------------------------------- | ----------------- | ---------- |
 * | /a.php                              | /a.php            |            |
 * | /a.php/b/c.php                      | /a.php            | /b/c.php   |
 * | /blog/                              | /blog/index.php   |            |
 * | /a.php.png, /a                      | none: undefined   |            |
 * | /admin%2Fx.php, //admin/x.php, /.git/x.php | none: the file system would read them otherwise than the routes, or they are hidden | |
 *
 * @param path normalised (`normalisePath`), still percent-encoded, without a stripped prefix
 * @param extension with its dot: ".php"
 * @param index the file a folder stands for, without "/"
 * @returns undefined when the path names no script; then it is a file, or a 404
 */
export function splitScriptPath(
  path: string,
  index: string,
  extension = ".php",
): ScriptPath | undefined {
  let at = path.indexOf(extension);
  for (; at >= 0; at = path.indexOf(extension, at + 1)) {
    const end = at + extension.length;
    if (end !== path.length && path.charCodeAt(end) !== 47) continue;
    const script = path.slice(0, end);
    if (!isPlain(script)) return undefined;
    return { scriptName: decodePath(script), pathInfo: decodePath(path.slice(end)) };
  }
  if (!path.endsWith("/") || !isPlain(path + index)) return undefined;
  return { scriptName: decodePath(path) + index, pathInfo: "" };
}

/** Whether every segment is a name, that is not hidden and stays one name when it is decoded. */
function isPlain(script: string): boolean {
  return /^(?:\/[^/.][^/]*)+$/.test(script) && !/\\|%2F|%5C|%00/i.test(script);
}
