/** Who the edge runs as, and whether that user reaches what the edge serves. */
import { dirname } from "node:path";
import type { EdgePlan, ResolvedConfig } from "@stack/config";
import { resolveStatePaths } from "@stack/control";
import { edgeShutOut, findClosed } from "@stack/process";
import type { Finding } from "./check-config.ts";
import { resolveEntries } from "./entries.ts";

/** What to say of an edge that is root; undefined where it is not. */
export function warnOfRoot({ edge }: ResolvedConfig): string | undefined {
  if (edge.user !== undefined || process.getuid?.() !== 0) return undefined;
  return 'runs as root, and faces the internet: set edge.user, "www-data" for example';
}

/** Empty for an edge that is nobody else. */
export async function checkEdgeUser(config: ResolvedConfig): Promise<readonly Finding[]> {
  const { user, plan } = config.edge;
  const warning = warnOfRoot(config);
  if (warning !== undefined) return [{ name: "edge", text: warning, error: null, isWarning: true }];
  if (user === undefined || user.uid === process.getuid?.()) return [];
  const { state } = resolveStatePaths(config.file);
  const needed = [dirname(state), process.execPath, resolveEntries().edge, ...servedFrom(plan)];
  const closed = await findClosed([...new Set(needed)], user);
  const text = `runs as ${user.name}`;
  if (closed.length === 0) return [{ name: "edge", text, error: null }];
  return closed.map((one) => ({
    name: "edge",
    text: `${text}, which cannot reach ${one.path}`,
    error: edgeShutOut({ ...one, user: user.name, place: config.places["edge.user"] }),
  }));
}

function servedFrom({ errorPages = {}, routes }: EdgePlan): readonly string[] {
  const served = routes.flatMap(({ action, files, protection }) => [
    ...(action.kind === "static" ? [action.root] : []),
    ...(files === undefined ? [] : [files.root]),
    ...(protection?.auth?.kind === "basic" ? [protection.auth.file] : []),
  ]);
  return [...served, ...Object.values(errorPages)];
}
