/** The config, evaluated in a child of its own; what it writes to stderr is passed on. */
import {
  loaderDeadlineMs,
  loaderEntry,
  type ResolvedConfig,
  readLoaderOutput,
} from "@stack/config";
import { cleanEnvironment, runToEnd } from "@stack/process";
import { relativeTo } from "../core/error-block.ts";
import type { Session, StackPlace } from "./session.ts";

/** Throws E1xxx, and what else the config asks for that is not there. */
export async function loadConfig(session: Session, place: StackPlace): Promise<ResolvedConfig> {
  const result = await runToEnd([process.execPath, loaderEntry, place.config, place.paths.state], {
    cwd: place.folder,
    env: cleanEnvironment(session.context.env),
    deadlineMs: loaderDeadlineMs,
    fd3: true,
  });
  for (const line of result.stderr.split("\n")) if (line !== "") session.say(line);
  const file = relativeTo(session.folder, place.config);
  return readLoaderOutput(result.fd3, { ...result, file });
}
