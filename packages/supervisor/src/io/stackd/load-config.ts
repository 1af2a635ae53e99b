/** Loads deploy.config.ts in a child of its own, so that what it does happens to nobody else. */
import { dirname } from "node:path";
import {
  loaderDeadlineMs,
  loaderEntry,
  type ResolvedConfig,
  readLoaderOutput,
} from "@stack/config";
import { runToEnd } from "@stack/process";
import type { KeeperLink } from "./keeper-link.ts";

/** Throws the first problem of the config as a StackError (E1xxx). */
export async function loadConfig(
  file: string,
  stateFolder: string,
  env: Readonly<Record<string, string>>,
): Promise<ResolvedConfig> {
  const result = await runToEnd([process.execPath, loaderEntry, file, stateFolder], {
    cwd: dirname(file),
    env,
    deadlineMs: loaderDeadlineMs,
    fd3: true,
  });
  return readLoaderOutput(result.fd3, { ...result, file });
}

/**
 * The config as the command that started the stack has evaluated it meanwhile: that takes as long as
 * all else until here. Null when it has not.
 */
export async function receiveConfig(keeper: KeeperLink): Promise<ResolvedConfig | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(late.resolve, loaderDeadlineMs, null);
  try {
    return (await Promise.race([keeper.config, late.promise])) as ResolvedConfig | null;
  } finally {
    clearTimeout(timer);
  }
}
