/**
 * What the edge needs on disk: the folder of its sockets and, where it runs as somebody else, all it
 * writes to. Everything above these stays ours: its group may pass and sees no names.
 */
import { chmodSync, chownSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { EdgePlan, ResolvedConfig } from "@stack/config";
import type { StatePaths } from "@stack/control";
import { edgeShutOut, findClosed, makeFolder } from "@stack/process";
import { stateFolderUnusable } from "../../errors.ts";
import { giveAccessLog } from "./access-log.ts";
import { giveFolder } from "./give-away.ts";

/** Throws E2402. */
export function prepareEdge({ edge }: ResolvedConfig, paths: StatePaths): void {
  const { user, plan } = edge;
  try {
    makeFolder(paths.edge, 0o700);
    if (user === undefined) return;
    for (const folder of [paths.state, paths.logs]) {
      makeFolder(folder, 0o700);
      chownSync(folder, process.getuid?.() ?? 0, user.gid);
      chmodSync(folder, 0o710);
    }
    for (const folder of [paths.edge, ...foldersOf(plan)]) giveFolder(folder, user);
  } catch (cause) {
    const { message, path = paths.state } = cause as NodeJS.ErrnoException;
    throw stateFolderUnusable({ path, reason: message }, cause);
  }
  try {
    if (plan.accessLog !== null) giveAccessLog(plan.accessLog, user);
  } catch {
    // Said by who looks after it; requests are answered without a log.
  }
}

/** What it must reach to run at all. Throws E2406. */
export async function checkReach(
  { edge, places }: ResolvedConfig,
  { state }: StatePaths,
  edgeEntry: string,
): Promise<void> {
  const { user } = edge;
  if (user === undefined) return;
  const [closed] = await findClosed([dirname(state), process.execPath, edgeEntry], user);
  if (closed === undefined) return;
  throw edgeShutOut({ ...closed, user: user.name, place: places["edge.user"] });
}

/** Where it writes. */
function foldersOf({ cache, listeners = [], spillFolder }: EdgePlan): readonly string[] {
  const tls = listeners.flatMap((listener) => listener.tls?.selfSignedFolder ?? []);
  return [
    ...(spillFolder === undefined ? [] : [resolve(spillFolder)]),
    ...(cache?.store.kind === "embedded" ? [cache.store.folder] : []),
    ...tls,
  ];
}
