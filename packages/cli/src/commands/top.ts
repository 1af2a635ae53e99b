/** `stack top`: the dashboard over a stack that runs anyway. */
import { exitCodes } from "@stack/base";
import { connectToStack, readStatus } from "../io/connect.ts";
import { createSession, type Invocation } from "../io/session.ts";
import { showDashboard } from "../io/show-dashboard.ts";
import { onEnding } from "../io/signals.ts";
import { printStatus } from "./status.ts";

export async function runTop({ context, flags }: Invocation): Promise<number> {
  const session = createSession(context, flags);
  using connection = await connectToStack(session, flags);
  const status = await readStatus(connection.client);
  const isTerminal = context.stdin.isTTY === true && context.stdout.isTTY === true;
  if (!isTerminal || session.json) {
    printStatus(session, status);
    session.data("status", status);
    return exitCodes.ok;
  }
  const close = new AbortController();
  using _signals = onEnding(() => close.abort());
  const end = await showDashboard(session, connection.place, {
    owner: false,
    signal: close.signal,
  });
  session.say(
    end === "gone"
      ? `${status.stack} has ended`
      : `${status.stack} keeps running; \`stack down\` stops it`,
  );
  return exitCodes.ok;
}
