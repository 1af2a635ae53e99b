/** What reload, restart, start, stop and scale share: check the names, ask stackd, say what came of it. */
import { errorFromReport, exitCodes, StackError } from "@stack/base";
import type { ClientRequest, StatusData } from "@stack/control";
import { suggest } from "../core/suggest.ts";
import { connectToStack, readStatus, waitFor } from "../io/connect.ts";
import type { GlobalFlags, Session } from "../io/session.ts";

export interface Change {
  readonly command: string;
  readonly names: readonly string[];
  /** "shop to be reloaded" */
  readonly what: string;
  /** "reloaded shop" */
  readonly done: string;
  readonly note?: string;
  /** Carried out one after the other. */
  readonly requests: readonly ClientRequest[];
  /** Told of every state on the way. */
  readonly onStatus?: (status: StatusData) => void;
}

export async function changeStack(
  session: Session,
  flags: GlobalFlags,
  change: Change,
): Promise<void> {
  using connection = await connectToStack(session, flags);
  const { client } = connection;
  const before = await readStatus(client);
  const startedMs = performance.now();
  client.onPush = (push) => {
    if (push.type === "event" && session.verbose)
      session.say(`${push.event.source}  ${push.event.text}`);
    if (push.type === "snapshot") change.onStatus?.(push.status);
  };
  if (session.verbose || change.onStatus !== undefined) await client.request({ op: "watch" });
  for (const request of change.requests) {
    try {
      await waitFor(session, change.what, client.request(request));
    } catch (error) {
      throw withSuggestion(error, before, change.names);
    }
  }
  const tookMs = Math.round(performance.now() - startedMs);
  session.print(`${change.done} in ${(tookMs / 1000).toFixed(1)}s${change.note ?? ""}`);
  session.data(change.command, { names: change.names, tookMs });
}

/** stackd knows which names there are; here the nearest of them is added. */
function withSuggestion(error: unknown, status: StatusData, names: readonly string[]): unknown {
  if (!(error instanceof StackError) || error.report.exit !== exitCodes.usage) return error;
  const known = [
    ...status.apps.map((app) => app.name),
    ...status.processes.filter(({ kind }) => kind !== "app").map(({ name }) => name),
  ];
  const wrong = names.find((name) => error.report.title.includes(`"${name}"`));
  const nearest = wrong === undefined ? undefined : suggest(wrong, known);
  if (nearest === undefined) return error;
  return errorFromReport({
    ...error.report,
    title: `${error.report.title}. Did you mean "${nearest}"?`,
  });
}
