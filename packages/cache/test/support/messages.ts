/** Requests and answers for tables: read by the same parsers that the edge has. */
import { createRequestHead, parseRequestHead, type RequestHead } from "@stack/protocols";
import { type CachePolicy, httpCachePolicy } from "../../src/core/policy/cache-policy.ts";
import {
  decideStore,
  type StoreDecision,
  type StoreRequest,
} from "../../src/core/policy/decide-store.ts";
import { readRequestFacts } from "../../src/core/policy/request-facts.ts";
import type { CacheResponse } from "../../src/core/policy/response-facts.ts";
import type { StoredAnswer } from "../../src/core/policy/stored-answer.ts";

/** A moment in whole seconds: Sun, 29 Nov 2026 12:00:00 GMT. */
export const now = Date.UTC(2026, 10, 29, 12);
export const second = 1000;
export const hour = 3600 * second;

const limits = { headerBytes: 64 * 1024, headerCount: 100 };

/** The head of a request for http://shop.example/a. */
export function ask(method = "GET", ...lines: string[]): RequestHead {
  const head = createRequestHead();
  const text = [`${method} /a HTTP/1.1`, "Host: shop.example", ...lines, "", ""].join("\r\n");
  const refused = parseRequestHead(text, 0, text.length, limits, head);
  if (refused !== 0) throw new Error(`${refused}: ${head.problem}`);
  return head;
}

export function asked(head: RequestHead = ask()): StoreRequest {
  return {
    method: head.method,
    head,
    facts: readRequestFacts(head),
    release: "r1",
  };
}

/** An answer of the app. A number at the end of a date's line is seconds from `now`: "Date: +0". */
export function answered(lines: readonly string[], status = 200, length = 5): CacheResponse {
  const fields = lines.map((line) => `${withDate(line)}\r\n`).join("");
  return { status, reason: "OK", fields, length };
}

function withDate(line: string): string {
  const match = /^([A-Za-z-]+: )([+-]\d+)$/.exec(line);
  return match === null ? line : `${match[1]}${httpDate(now + Number(match[2]) * second)}`;
}

export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** What becomes of an answer that comes `now`, at once. */
export function store(
  lines: readonly string[],
  status = 200,
  head: RequestHead = ask(),
  policy: CachePolicy = httpCachePolicy,
): StoreDecision {
  const times = { requestedAt: now, receivedAt: now };
  return decideStore(asked(head), answered(lines, status), policy, times);
}

/** The stored answer; fails where it is none. */
export function stored(
  lines: readonly string[],
  status = 200,
  head: RequestHead = ask(),
  policy: CachePolicy = httpCachePolicy,
): StoredAnswer {
  const decision = store(lines, status, head, policy);
  if (!decision.store) throw new Error(`not stored: ${decision.reason}`);
  return decision.answer;
}
