/** `stack cache stats|ls|purge`: what the edge keeps of the answers, and how to let go of it. */
import { exitCodes } from "@stack/base";
import {
  type CacheAnswer,
  type CacheOrder,
  type CachePurgeTarget,
  withBothSchemes,
} from "@stack/control";
import { formatCacheList, formatCacheStats } from "../core/cache-tables.ts";
import { commandHelp } from "../core/help.ts";
import { badArguments } from "../errors.ts";
import { connectToStack, waitFor } from "../io/connect.ts";
import { createSession, type Invocation } from "../io/session.ts";

export interface CacheOptions {
  readonly tag: readonly string[];
  readonly prefix: readonly string[];
  readonly url: readonly string[];
  readonly all?: boolean | undefined;
  readonly soft?: boolean | undefined;
  readonly lines?: string | undefined;
}

const defaultLines = 100;
const mostLines = 10_000;

export async function runCache(
  { context, flags }: Invocation,
  word: string,
  url: string | undefined,
  options: CacheOptions,
): Promise<number> {
  const orders = ordersOf(word, url, options);
  const session = createSession(context, flags);
  using connection = await connectToStack(session, flags);
  const answers: CacheAnswer[] = [];
  for (const order of orders) {
    const reply = connection.client.request({ op: "cache", order });
    answers.push((await waitFor(session, "the edge to answer", reply)) as CacheAnswer);
  }
  const [answer = { kind: "none" as const }] = answers;
  const { data, text } = describe(answers, answer, options);
  session.print(text);
  session.data("cache", data);
  return exitCodes.ok;
}

function describe(
  answers: readonly CacheAnswer[],
  answer: CacheAnswer,
  { soft = false }: CacheOptions,
): { readonly data: unknown; readonly text: string } {
  switch (answer.kind) {
    case "none":
      return { data: { enabled: false }, text: "no route has a `cache`: nothing is kept" };
    case "purged":
      return {
        data: { purged: true, soft },
        text: soft ? "purged: stale from now on" : "purged",
      };
    case "stats":
      return { data: answer.stats, text: formatCacheStats(answer.stats, Date.now()) };
    case "list": {
      const lists = answers.flatMap((one) => (one.kind === "list" ? [one] : []));
      const records = lists.flatMap((one) => one.records);
      const isCut = lists.some((one) => one.isCut);
      return { data: { records, isCut }, text: formatCacheList(records, isCut, Date.now()) };
    }
  }
}

function ordersOf(
  word: string,
  url: string | undefined,
  options: CacheOptions,
): readonly CacheOrder[] {
  const targets = targetsOf(options);
  if (word !== "purge" && (targets.length > 0 || options.soft === true)) {
    throw refuse("only `purge` takes --tag, --prefix, --url, --all and --soft");
  }
  if (word !== "ls" && url !== undefined) throw refuse(`"${url}" says nothing to \`${word}\``);
  switch (word) {
    case "stats":
      return [{ kind: "stats" }];
    case "ls":
      return withScheme(url ?? "").map((prefix) => ({
        kind: "list",
        prefix,
        limit: linesOf(options.lines),
      }));
    case "purge":
      if (targets.length === 0) throw refuse("say what: --tag, --prefix, --url or --all");
      return [{ kind: "purge", targets, soft: options.soft === true }];
    default:
      throw refuse(`"${word}" is none of stats, ls, purge`);
  }
}

function targetsOf({ tag, prefix, url, all }: CacheOptions): readonly CachePurgeTarget[] {
  return [
    ...tag.map((name) => ({ kind: "tag" as const, tag: name })),
    ...prefix.flatMap(withScheme).map((text) => ({ kind: "prefix" as const, prefix: text })),
    ...url.flatMap(withScheme).map((text) => ({ kind: "url" as const, url: text })),
    ...(all === true ? [{ kind: "all" as const }] : []),
  ];
}

/** "": everything. */
function withScheme(text: string): readonly string[] {
  if (text === "") return [text];
  if (text.startsWith("/")) throw refuse(`"${text}" has no host: write shop.test${text}`);
  return withBothSchemes(text);
}

function linesOf(text: string | undefined): number {
  if (text === undefined) return defaultLines;
  const lines = Number(text);
  if (Number.isInteger(lines) && lines > 0 && lines <= mostLines) return lines;
  throw refuse(`"${text}" is not a number of lines from 1 to ${mostLines}`);
}

function refuse(problem: string): Error {
  return badArguments({ problem, usage: commandHelp.cache.usage });
}
