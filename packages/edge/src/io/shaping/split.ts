/** `split` routes: one of several apps or upstreams, by weight; with `sticky` the same one again. */
import { createHash } from "node:crypto";
import type { RouteAction, TargetPlan } from "@stack/config";
import { headerValue } from "@stack/protocols";
import { parameterOf } from "../../core/routing/route-conditions.ts";
import { chooseByToken, chooseByWeight } from "../../core/shaping/split-choice.ts";
import { addFields } from "../client/answer-edits.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend } from "../exchange.ts";

export type TargetFinder = (target: TargetPlan) => Backend;

export type SplitAction = Extract<RouteAction, { kind: "split" }> & {
  /** Cookies given under another are nobody's. */
  readonly salt?: string;
};

export function createSplitBackend(action: SplitAction, target: TargetFinder): Backend {
  const { sticky, salt = "" } = action;
  const choices = action.choices.map((choice) => ({
    weight: choice.weight,
    token: tokenOf(choice.target, salt),
    backend: target(choice.target),
  }));
  return {
    wantsBody: true,
    handle(exchange) {
      const cookies = sticky === null ? undefined : headerValue(exchange.head, "cookie");
      const token =
        sticky === null || cookies === undefined
          ? undefined
          : parameterOf(cookies, sticky.cookie, ";");
      let index = chooseByToken(choices, token);
      if (index < 0) {
        index = chooseByWeight(choices, Math.random());
        if (sticky !== null) {
          const scheme = exchange.client.scheme;
          const line = cookieLine(sticky, choices[index]?.token ?? "", scheme === "https");
          addFields(exchange as ClientExchange, line);
        }
      }
      const choice = choices[index];
      if (choice === undefined) exchange.fail(502, "nothing has a share of this route");
      else choice.backend.handle(exchange);
    },
    retire() {
      for (const { backend } of choices) backend.retire();
    },
  };
}

/** No name of ours leaves; a visitor who makes one up gains nothing but the other variant. */
function tokenOf({ kind, name }: TargetPlan, salt: string): string {
  const text = salt === "" ? `${kind} ${name}` : `${kind} ${name} ${salt}`;
  return createHash("sha256").update(text).digest("base64url").slice(0, 12);
}

function cookieLine(
  sticky: { readonly cookie: string; readonly maxAgeS: number | null },
  token: string,
  isSecure: boolean,
): string {
  const age = sticky.maxAgeS === null ? "" : `; Max-Age=${sticky.maxAgeS}`;
  const secure = isSecure ? "; Secure" : "";
  return `Set-Cookie: ${sticky.cookie}=${token}; Path=/${age}; HttpOnly; SameSite=Lax${secure}\r\n`;
}
