/** `stack status`: what runs and how it is. */
import { exitCodes } from "@stack/base";
import type { StatusData } from "@stack/control";
import { formatStatus } from "../core/status-table.ts";
import { connectToStack, readStatus } from "../io/connect.ts";
import { createSession, type Invocation, type Session } from "../io/session.ts";

export async function runStatus({ context, flags }: Invocation): Promise<number> {
  const session = createSession(context, flags);
  using connection = await connectToStack(session, flags);
  const status = await readStatus(connection.client);
  printStatus(session, status);
  session.data("status", status);
  return statusExit(status);
}

export function printStatus(session: Session, status: StatusData): void {
  const { stdout } = session.context;
  session.print(
    formatStatus(status, {
      paint: session.paint,
      unicode: session.unicode,
      columns: stdout.isTTY === true ? stdout.columns : 120,
    }),
  );
}

/** 0 when all is as the config wants it, 5 when not. */
function statusExit(status: StatusData): number {
  return status.state === "ready" ? exitCodes.ok : exitCodes.appNotReady;
}
