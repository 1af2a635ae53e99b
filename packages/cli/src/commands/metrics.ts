/** `stack metrics`: what Prometheus would be told, of the edge and of all processes. */
import { join } from "node:path";
import { exitCodes, expositionType } from "@stack/base";
import { exposeProcesses } from "../core/process-exposition.ts";
import { connectToStack, readStatus } from "../io/connect.ts";
import { readAdmin } from "../io/read-admin.ts";
import { createSession, type Invocation } from "../io/session.ts";

export async function runMetrics({ context, flags }: Invocation): Promise<number> {
  const session = createSession(context, flags);
  using connection = await connectToStack(session, flags);
  const [status, edge] = await Promise.all([
    readStatus(connection.client),
    readAdmin(join(connection.place.paths.edge, "admin.sock")),
  ]);
  const text = `${edge ?? ""}${exposeProcesses(status)}`;
  session.print(text.trimEnd());
  session.data("metrics", { type: expositionType, text }, edge !== undefined);
  if (edge !== undefined) return exitCodes.ok;
  session.say("no edge answers on its admin socket (it is starting, or edge.admin is false)");
  return exitCodes.appNotReady;
}
