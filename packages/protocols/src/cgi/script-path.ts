/**
 * Which script a path names, and what of the path is the script's to read (RFC 3875 §4.1.5, §4.1.13).
 * Decided by the text of the path alone: the caller must still see that the script is a regular file
 * below the root, or "/avatar.png/x.php" would hand an upload to an interpreter that looks for the
 * nearest file by itself (PHP's cgi.fix_pathinfo).
 */

export interface ScriptPath {
  /** "/index.php"; "" for an application that is no file. */
  readonly scriptName: string;
  /** "/foo" of "/index.php/foo"; "" when nothing follows the script. */
  readonly pathInfo: string;
}

/**
 * Splits after the first segment that ends in `extension`; a folder names its index. Path and
 * result are percent-decoded (`decodePath`).
 *
 * | path                  | script name       | path info  |
 * | --------------------- | ----------------- | ---------- |
 * | /a.php                | /a.php            |            |
 * | /a.php/b/c.php        | /a.php            | /b/c.php   |
 * | /blog/                | /blog/index.php   |            |
 * | /a.php.png, /a, /.php | none: undefined   |            |
 *
 * @param extension with its dot: ".php"
 * @param index the file a folder stands for, without "/"
 * @returns undefined when the path names no script, or would leave the root
 */
export function splitScriptPath(
  path: string,
  index: string,
  extension = ".php",
): ScriptPath | undefined {
  if (!path.startsWith("/") || leavesRoot(path)) return undefined;
  let at = path.indexOf(extension);
  for (; at >= 0; at = path.indexOf(extension, at + 1)) {
    const end = at + extension.length;
    const endsSegment = end === path.length || path.charCodeAt(end) === 47;
    if (!endsSegment || path.charCodeAt(at - 1) === 47) continue;
    return { scriptName: path.slice(0, end), pathInfo: path.slice(end) };
  }
  return path.endsWith("/") ? { scriptName: path + index, pathInfo: "" } : undefined;
}

/** A NUL ends a name for the kernel; ".." was resolved before, unless "%2F" hid it. */
function leavesRoot(path: string): boolean {
  return path.includes("\0") || /(?:^|[/\\])\.\.?(?:[/\\]|$)/.test(path);
}
