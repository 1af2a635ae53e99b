/** `stack requests [NAME…]`: what is running now, where, and for how long. */
import { exitCodes } from "@stack/base";
import type { RunningRequest } from "@stack/control";
import { formatRequests } from "../core/requests-table.ts";
import { connectToStack, waitFor } from "../io/connect.ts";
import { createSession, type Invocation } from "../io/session.ts";

export async function runRequests(
  { context, flags }: Invocation,
  names: readonly string[],
): Promise<number> {
  const session = createSession(context, flags);
  using connection = await connectToStack(session, flags);
  const what = "the edge to say what runs";
  const reply = await waitFor(session, what, connection.client.request({ op: "requests" }));
  const requests = (reply as readonly RunningRequest[]).filter(
    ({ app, servedBy }) => names.length === 0 || names.includes(app) || names.includes(servedBy),
  );
  const { stdout } = session.context;
  session.print(formatRequests(requests, stdout.isTTY === true ? stdout.columns : 200));
  session.data("requests", { requests });
  return exitCodes.ok;
}
