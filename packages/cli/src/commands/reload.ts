/** `stack reload`: changed config and code, with no request lost. */
import { exitCodes, version } from "@stack/base";
import { notInThisVersion } from "../errors.ts";
import { createSession, type Invocation } from "../io/session.ts";
import { changeStack } from "./change.ts";

export async function runReload(
  { context, flags }: Invocation,
  names: readonly string[],
  options: { readonly canary?: string | undefined },
): Promise<number> {
  if (options.canary !== undefined) {
    throw notInThisVersion({ what: "--canary", version, instead: "stack reload [NAME...]" });
  }
  const session = createSession(context, flags);
  const what = names.length === 0 ? "all" : names.join(", ");
  await changeStack(session, flags, {
    command: "reload",
    names,
    what: `${what} to be reloaded`,
    done: `reloaded ${what}`,
    requests: [{ op: "reload", names }],
  });
  return exitCodes.ok;
}
