/** `stack` alone: what runs here and what to do next. */
import { exitCodes } from "@stack/base";
import { rootHelp } from "../core/help.ts";
import { readStatus, tryConnect } from "../io/connect.ts";
import {
  createSession,
  findStack,
  type GlobalFlags,
  type Invocation,
  type Session,
  type StackPlace,
} from "../io/session.ts";
import { printStatus } from "./status.ts";

export async function runNothing({ context, flags }: Invocation): Promise<number> {
  const session = createSession(context, flags);
  const place = findStackOrNot(session, flags);
  if (place === undefined) {
    session.print(rootHelp);
    return exitCodes.ok;
  }
  using client = await tryConnect(place);
  if (client === undefined) {
    session.print(`Nothing runs here. Start it:  stack up        (config: ${place.config})`);
    return exitCodes.ok;
  }
  printStatus(session, await readStatus(client));
  session.print("\n  stack top       the dashboard");
  session.print("  stack logs -f   what the services say");
  session.print("  stack down      stop everything");
  return exitCodes.ok;
}

function findStackOrNot(session: Session, flags: GlobalFlags): StackPlace | undefined {
  try {
    return findStack(session, flags);
  } catch {
    return undefined; // no config here: the help says how to begin
  }
}
