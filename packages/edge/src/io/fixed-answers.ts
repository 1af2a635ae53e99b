/** `respond` and `redirect` routes: answers that need nobody else. */
import type { RouteAction } from "@stack/config";
import { formatHttpDate, reasonOf } from "@stack/protocols";
import { prepareAnswer } from "../core/prepared-answer.ts";
import { createRedirectTarget } from "../core/routing/redirect-target.ts";
import type { TemplatePlace } from "../core/routing/template.ts";
import type { Backend, PreparedAnswer } from "./exchange.ts";

type ActionOf<Kind extends RouteAction["kind"]> = Extract<RouteAction, { kind: Kind }>;

export function createRespondBackend(action: ActionOf<"respond">): Backend {
  const hasBody = action.status !== 204 && action.status !== 304;
  const parts = {
    status: action.status,
    fields: hasBody ? `Content-Type: ${action.type}\r\n` : "",
    body: Buffer.from(hasBody ? action.body : "", "utf8"),
  };
  let prepared: PreparedAnswer | undefined;
  let preparedSecond = 0;
  return {
    wantsBody: false,
    handle(exchange) {
      const now = Date.now();
      const second = Math.floor(now / 1000);
      if (prepared === undefined || second !== preparedSecond) {
        prepared = prepareAnswer(parts, formatHttpDate(now));
        preparedSecond = second;
      }
      exchange.answerPrepared(prepared);
    },
    retire() {},
  };
}

export function createRedirectBackend(
  action: ActionOf<"redirect">,
  place?: TemplatePlace,
): Backend {
  const target = createRedirectTarget(action.to, place);
  const reason = reasonOf(action.status);
  return {
    wantsBody: false,
    handle(exchange) {
      const location = target(exchange.head);
      exchange.answer(
        action.status,
        reason,
        `Location: ${location}\r\nContent-Type: text/plain; charset=utf-8\r\n`,
        `${action.status} ${reason}\n${location}\n`,
      );
    },
    retire() {},
  };
}
