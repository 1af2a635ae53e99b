/** Tells when files are replaced or rewritten. Folders are watched: a file may be replaced by another. */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** What belongs together (a certificate and its key) is seldom replaced in the same instant. */
const settleMs = 200;
/** Where the system tells of no change: network file systems, a folder that was itself replaced. */
const pollMs = 30_000;

/**
 * Calls back after every change of what the files hold, from now on.
 *
 * @returns ends it
 */
export function watchFiles(files: readonly string[], onChange: () => void): Disposable {
  const watchers: FSWatcher[] = [];
  let seen = fingerprint(files);
  let settling: NodeJS.Timeout | undefined;

  function look(): void {
    const found = fingerprint(files);
    if (found === seen) return;
    seen = found; // before they are read: what changes meanwhile is seen next time
    onChange();
  }

  function settle(): void {
    clearTimeout(settling);
    settling = setTimeout(look, settleMs);
  }

  for (const folder of new Set(files.map(dirname))) {
    try {
      const watcher = watch(folder, settle);
      watcher.on("error", () => {}); // the poll goes on
      watchers.push(watcher);
    } catch {
      // The poll sees it.
    }
  }
  const poll = setInterval(look, pollMs);
  return {
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher.close();
      clearTimeout(settling);
      clearInterval(poll);
    },
  };
}

/** Changes with every file's content, as far as the system tells. */
function fingerprint(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        const { ino, size, mtimeMs } = statSync(file);
        return `${ino} ${size} ${mtimeMs}`;
      } catch {
        return "missing";
      }
    })
    .join("\n");
}
