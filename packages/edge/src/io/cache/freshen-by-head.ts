/** What the answer to a HEAD changes of the stored answer to a GET (RFC 9111 §4.3.5). */
import { type CacheResponse, decideHead, type ExchangeTimes } from "@stack/cache";
import type { RequestHead } from "@stack/protocols";
import { withoutTags } from "../../core/cache/answer-fields.ts";
import type { CachedRoute } from "./cached-route.ts";
import type { HotEntry } from "./hot-entry.ts";

/** The HEAD and what was stored when it came. */
export interface HeadQuestion {
  readonly route: CachedRoute;
  /** Without variants. */
  readonly baseKey: string;
  readonly head: RequestHead;
  readonly stored: HotEntry;
}

export function freshenByHead(
  { route, baseKey, head, stored }: HeadQuestion,
  response: CacheResponse,
  times: ExchangeTimes,
): void {
  const { desk, rules, compression } = route;
  const { body } = stored.plain;
  const decision = decideHead(stored.answer, response, body.length, rules.policy, times);
  if (decision.kind === "unchanged") return;
  // A GET may have brought a newer one meanwhile.
  const { entry } = desk.find(baseKey, head, times.receivedAt, compression);
  if (entry?.storedAt !== stored.storedAt) return;
  const answer = { ...decision.answer, fields: withoutTags(decision.answer.fields) };
  desk.keep(baseKey, head, answer, body, times.requestedAt, rules.policy, compression);
}
