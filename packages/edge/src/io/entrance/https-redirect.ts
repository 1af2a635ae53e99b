/** Sends every request of a plain listener to the same address by HTTPS. */
import { reasonOf } from "@stack/protocols";
import { escapeLocation } from "../../core/routing/redirect-target.ts";
import type { Backend } from "../exchange.ts";

/** The method must stay what it was (RFC 9110 §15.4.9). */
const status = 308;

export function createHttpsRedirect(port: number): Backend {
  const suffix = port === 443 ? "" : `:${port}`;
  return {
    wantsBody: false,
    handle(exchange) {
      const { head } = exchange;
      if (head.host === "" || head.path === "*") {
        exchange.fail(400, "it does not say where it wants to go");
        return;
      }
      const query = head.hasQuery ? `?${head.query}` : "";
      const location = `https://${escapeLocation(`${head.host}${suffix}${head.path}${query}`)}`;
      exchange.answer(
        status,
        reasonOf(status),
        `Location: ${location}\r\nContent-Type: text/plain; charset=utf-8\r\n`,
        `${status} ${reasonOf(status)}\n${location}\n`,
      );
    },
    retire() {},
  };
}
