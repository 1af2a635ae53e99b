/** `stack up --watch` in words: what was reloaded, and why something was not. */
import { isAbsolute, relative } from "node:path";
import type { ResolvedConfig } from "@stack/config";
import { formatReadyLine } from "../core/up-lines.ts";
import { reloadOnChange } from "../io/reload-on-change.ts";
import type { Session, StackPlace } from "../io/session.ts";
import type { StartedStack } from "../io/start-stack.ts";

const shownFiles = 3;

/** @param silent the dashboard has the screen: it shows what stackd says of the same */
export function watchStack(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
  config: ResolvedConfig,
  silent: boolean,
): Promise<AsyncDisposable> {
  const sign = session.talkPaint("good", session.unicode ? "✓" : "ok");
  return reloadOnChange(session, place, stack.follow, config, {
    onReloaded(apps, paths, tookMs) {
      if (silent) return;
      const name = apps.length === 0 ? "config" : apps.join(", ");
      const text = `reloaded  ${describeFiles(place.folder, paths)}`;
      session.say(formatReadyLine({ name, text }, tookMs, sign, session.unicode));
    },
    onFailed(report) {
      if (silent) return;
      session.report([report]);
      session.say("what served before serves on; the next change is tried again");
    },
    onBlind(error) {
      if (silent) return;
      session.say(`not all changes are seen: ${error.message}`);
    },
  });
}

function describeFiles(folder: string, paths: readonly string[]): string {
  const names = paths.map((path) => {
    const shown = relative(folder, path);
    return shown.startsWith("..") || isAbsolute(shown) ? path : shown;
  });
  const rest = names.length - shownFiles;
  const shown = names.slice(0, shownFiles).join(", ");
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
