/** `stack scale NAME=N…`: another number of workers, until the next `up`. */
import { exitCodes } from "@stack/base";
import type { ClientRequest } from "@stack/control";
import { commandHelp } from "../core/help.ts";
import { badArguments } from "../errors.ts";
import { createSession, type Invocation } from "../io/session.ts";
import { changeStack } from "./change.ts";

export async function runScale(
  { context, flags }: Invocation,
  changes: readonly string[],
): Promise<number> {
  const requests = changes.map(parseScale);
  const session = createSession(context, flags);
  await changeStack(session, flags, {
    command: "scale",
    names: requests.map((request) => request.name),
    what: `${changes.join(" ")} to be ready`,
    done: `scaled ${changes.join(" ")}`,
    note: "; the next `stack up` follows the config again",
    requests,
  });
  return exitCodes.ok;
}

/** "shop=4", "shop=auto" */
function parseScale(text: string): Extract<ClientRequest, { op: "scale" }> {
  const match = /^([a-z][a-z0-9-]*)=(\d{1,4}|auto)$/.exec(text);
  const workers = match?.[2] === "auto" ? null : Number(match?.[2] ?? 0);
  if (match === null || (workers !== null && workers < 1)) {
    throw badArguments({
      problem: `"${text}" does not say how many: NAME=N, with N from 1, or NAME=auto`,
      usage: commandHelp.scale.usage,
    });
  }
  return { op: "scale", name: match[1] ?? "", workers };
}
