/** `stack explain METHOD URL`: what would answer a request, and why. Sends nothing. */
import { isIP } from "node:net";
import { exitCodes } from "@stack/base";
import { formatExplanation } from "../core/explanation.ts";
import { commandHelp } from "../core/help.ts";
import { badArguments } from "../errors.ts";
import { explainRequest } from "../io/explain-request.ts";
import { loadConfig } from "../io/load-config.ts";
import { readCacheNow } from "../io/read-cache-now.ts";
import { createSession, findStack, type Invocation } from "../io/session.ts";

export interface ExplainOptions {
  readonly header?: readonly string[] | undefined;
  readonly client?: string | undefined;
}

export async function runExplain(
  { context, flags }: Invocation,
  method: string,
  url: string,
  options: ExplainOptions,
): Promise<number> {
  const headers = options.header ?? [];
  const peer = options.client ?? "127.0.0.1";
  checkArguments(method, url, headers, peer);
  const session = createSession(context, flags);
  const place = findStack(session, flags);
  const config = await loadConfig(session, place);
  const { edge } = config;
  const question = { edge, method: method.toUpperCase(), url, headers, peer };
  const explained = await explainRequest(session, question);
  const { cache } = explained;
  const explanation =
    cache === null
      ? explained
      : { ...explained, cache: { ...cache, running: await readCacheNow(place, cache) } };
  session.print(formatExplanation(explanation, session.paint, session.verbose, Date.now()));
  session.data("explain", explanation);
  return exitCodes.ok;
}

function checkArguments(
  method: string,
  url: string,
  headers: readonly string[],
  peer: string,
): void {
  const { usage } = commandHelp.explain;
  const refuse = (problem: string): Error => badArguments({ problem, usage });
  if (!/^[A-Za-z-]{1,32}$/.test(method)) throw refuse(`"${method}" is no method`);
  if (!/^(?:\/|https?:\/\/[^/])\S*$/i.test(url)) {
    throw refuse(`"${url}" is no address: begin with "/" or "http://"`);
  }
  const bad = headers.find((line) => !/^[!#$%&'*+.^`|~0-9A-Za-z-]+:[^\r\n]*$/.test(line));
  if (bad !== undefined) throw refuse(`"${bad}" is no header: "Name: value"`);
  if (isIP(peer) === 0) throw refuse(`"${peer}" is no IP address`);
}
