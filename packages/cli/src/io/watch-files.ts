/** Tells of changed files in bursts: an editor's save is several events, a checkout is thousands. */
import { ownerOf, type WatchPlan } from "../core/watch-plan.ts";

/** A burst is over when nothing has come for this long, and is told of in parts when it goes on. */
const quietMs = 40;
const longestMs = 500;

/**
 * @param onChange absolute paths, each of somebody's
 * @param onError for instance when the system has no more watches to give
 */
export async function watchFiles(
  plan: WatchPlan,
  onChange: (paths: readonly string[]) => void,
  onError: (error: Error) => void,
): Promise<AsyncDisposable> {
  const { watch } = await import("chokidar"); // nobody else needs it
  const changed = new Set<string>();
  const ends = new Set<NodeJS.Timeout>();

  const isIgnored = (path: string): boolean =>
    !plan.folders.includes(path) && ownerOf(plan, path).kind === "nobody";
  const watcher = watch([...plan.folders, ...plan.configFiles, ...plan.scripts.keys()], {
    ignored: isIgnored,
    ignoreInitial: true,
    ignorePermissionErrors: true,
  });

  function tell(): void {
    for (const timer of ends) clearTimeout(timer);
    ends.clear();
    const paths = [...changed];
    changed.clear();
    onChange(paths);
  }

  let quiet: NodeJS.Timeout | undefined;
  watcher.on("all", (event, path) => {
    if (event === "addDir" || event === "unlinkDir") return;
    if (ends.size === 0) ends.add(setTimeout(tell, longestMs));
    if (quiet !== undefined) {
      clearTimeout(quiet);
      ends.delete(quiet);
    }
    quiet = setTimeout(tell, quietMs);
    ends.add(quiet);
    changed.add(path);
  });
  watcher.on("error", (error) => onError(error as Error));
  await new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
  return {
    async [Symbol.asyncDispose]() {
      for (const timer of ends) clearTimeout(timer);
      await watcher.close();
    },
  };
}
