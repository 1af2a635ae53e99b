/** Gives the dashboard what it needs: the control socket, the log, the terminal. */
import { openControlClient } from "@stack/control";
import { type DashboardEnd, runDashboard } from "@stack/dashboard";
import { decideColor } from "../core/paint.ts";
import { streamLogs } from "./log-stream.ts";
import type { Session, StackPlace } from "./session.ts";

const earlierLines = 1_000;

export async function showDashboard(
  session: Session,
  place: StackPlace,
  options: { readonly owner: boolean; readonly signal: AbortSignal },
): Promise<DashboardEnd> {
  const { env, stdin, stdout } = session.context;
  return runDashboard({
    owner: options.owner,
    signal: options.signal,
    connect: () => openControlClient(place.paths.control),
    readLogs: (onLine, signal) => {
      streamLogs({ folder: place.paths.logs, names: [], lines: earlierLines }, onLine, signal);
    },
    stdin,
    stdout,
    env,
    color: decideColor(env, stdout.isTTY === true),
  });
}
