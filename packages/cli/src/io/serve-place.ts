/** Where a served app has its config and its state: below `.stack/serve` of the folder it is served in. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { resolveStatePaths } from "@stack/control";
import { makeFolder } from "@stack/process";
import type { ServePlan } from "../core/serve-config.ts";
import { cannotKeepState } from "../errors.ts";
import type { Session, StackPlace } from "./session.ts";

/**
 * Writes the config, as data. Like any other it is loaded in a process of its own, and read again by
 * a reload; its folder is what `-c` takes.
 *
 * @param state in place of `.stack/serve/NAME`
 */
export function writeServeConfig(
  session: Session,
  plan: ServePlan,
  state: string | undefined,
): StackPlace {
  const folder =
    state === undefined
      ? join(session.folder, ".stack", "serve", plan.name)
      : resolve(session.folder, state);
  const config = join(folder, "deploy.config.mjs");
  const text = `// Written by \`stack serve\`, each time anew.\nexport default ${JSON.stringify(plan.config, null, 2)};\n`;
  try {
    makeFolder(folder);
    writeFileSync(config, text);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    throw cannotKeepState({ folder, reason: code }, cause);
  }
  return { config, folder, paths: resolveStatePaths(config) };
}
