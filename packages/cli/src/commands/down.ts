/** `stack down`: drain and stop everything, and see that it is gone. */
import { exitCodes, formatDuration } from "@stack/base";
import { connectToStack, readStatus, waitFor } from "../io/connect.ts";
import { waitUntilGone } from "../io/gone.ts";
import { createSession, type Invocation } from "../io/session.ts";
import { countProcesses } from "../io/stop-stack.ts";

export async function runDown(
  { context, flags }: Invocation,
  options: { readonly now?: true | undefined },
): Promise<number> {
  const session = createSession(context, flags);
  const startedMs = performance.now();
  using connection = await connectToStack(session, flags);
  const status = await readStatus(connection.client);
  const keeper = status.processes.find((process) => process.kind === "keeper");
  const gone = connection.client.request({ op: "down", now: options.now === true });
  await waitFor(
    session,
    `${status.stack} to drain and stop; \`stack down --now\` does not wait`,
    Promise.all([
      gone.catch(ignoreLostConnection),
      waitUntilGone(connection.place, keeper?.pid ?? null),
    ]),
  );
  const tookMs = Math.round(performance.now() - startedMs);
  session.print(
    `${status.stack} stopped: ${countProcesses(status)} processes ended in ${formatTook(tookMs)}`,
  );
  session.data("down", { stack: status.stack, tookMs });
  return exitCodes.ok;
}

/** stackd ends with the rest: its reply may or may not come first. */
function ignoreLostConnection(error: unknown): void {
  if (error instanceof Error && error.name !== "StackError") return;
  throw error;
}

function formatTook(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : formatDuration(ms);
}
