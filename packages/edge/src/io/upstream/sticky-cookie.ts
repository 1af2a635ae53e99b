/**
 * The cookie that brings a client back to its server: a token only we can make, which says nothing of
 * the server. It is set with the first answer, and again when the server is another one.
 */
import { createHmac } from "node:crypto";
import type { UpstreamPlan } from "@stack/config";
import { cookieValue } from "../../core/upstream/request-key.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Exchange } from "../exchange.ts";

export interface StickyCookie {
  /** The token of a server, as text for a cookie. */
  readonly tokenOf: (address: string) => string;
  /** The request goes to this server: its answer says so, unless the client knows. */
  readonly remember: (exchange: Exchange, token: string) => void;
}

const tokenLength = 22;

export function createStickyCookie(plan: NonNullable<UpstreamPlan["sticky"]>): StickyCookie {
  const age = plan.maxAgeMs === null ? "" : `; Max-Age=${Math.round(plan.maxAgeMs / 1000)}`;
  const start = `Set-Cookie: ${plan.cookie}=`;
  const chosen = new WeakMap<Exchange, string>();
  return {
    tokenOf: (address) =>
      createHmac("sha256", plan.secret).update(address).digest("base64url").slice(0, tokenLength),
    remember(exchange, token) {
      const isNew = !chosen.has(exchange);
      if (isNew && cookieValue(exchange.head, plan.cookie) === token) return;
      chosen.set(exchange, token);
      if (!isNew) return; // the edit is there, and tells of the last server
      const client = exchange as ClientExchange;
      const before = client.editAnswer;
      const secure = exchange.client.scheme === "https" ? "; Secure" : "";
      client.editAnswer = (fields, edited, status) => {
        const lines = before === undefined ? fields : before(fields, edited, status);
        const cookie = `${start}${chosen.get(exchange)}; Path=/${age}; HttpOnly; SameSite=Lax${secure}`;
        return status >= 500 ? lines : `${lines}${cookie}\r\n`;
      };
    },
  };
}
