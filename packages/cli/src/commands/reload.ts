/** `stack reload`: changed config and code, with no request lost. */
import { exitCodes } from "@stack/base";
import type { StatusData } from "@stack/control";
import { commandHelp } from "../core/help.ts";
import { formatCanary } from "../core/status-table.ts";
import { badArguments } from "../errors.ts";
import { createSession, type Invocation, type Session } from "../io/session.ts";
import { changeStack } from "./change.ts";

const sayEveryMs = 5_000;

export async function runReload(
  { context, flags }: Invocation,
  names: readonly string[],
  options: { readonly canary?: string | undefined },
): Promise<number> {
  const canary = parseShare(options.canary);
  const session = createSession(context, flags);
  const what = names.length === 0 ? "all" : names.join(", ");
  await changeStack(session, flags, {
    command: "reload",
    names,
    what: `${what} to be reloaded`,
    done: `reloaded ${what}`,
    requests: [{ op: "reload", names, ...(canary === undefined ? {} : { canary }) }],
    ...(canary === undefined ? {} : { onStatus: createCanaryTeller(session) }),
  });
  return exitCodes.ok;
}

/** "10%" is 0.1. */
function parseShare(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = /^\d{1,3}(?:\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : 0;
  if (percent > 0 && percent <= 100) return percent / 100;
  throw badArguments({
    problem: `"${text}" is no share of the requests. Use 10%, at most 100%`,
    usage: commandHelp.reload.usage,
  });
}

/** Says how the trial goes, now and then. */
function createCanaryTeller(session: Session): (status: StatusData) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return (status) => {
    const lines = status.apps.flatMap((app) => formatCanary(app) ?? []);
    if (lines.length === 0 || performance.now() - saidMs < sayEveryMs) return;
    saidMs = performance.now();
    for (const line of lines) session.say(line);
  };
}
