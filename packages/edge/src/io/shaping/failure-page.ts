/** `stack up --watch`: while an app's newest code fails, its developer's browser is shown why. */
import { headerValue } from "@stack/protocols";
import { asksForHtml } from "../../core/error-pages.ts";
import { maySeeFailure } from "../../core/shaping/failure-viewer.ts";
import type { Backend, Exchange } from "../exchange.ts";

const fields = [
  "Content-Type: text/html; charset=utf-8",
  "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "Cache-Control: no-store",
  "X-Content-Type-Options: nosniff",
  "Referrer-Policy: no-referrer",
  "",
].join("\r\n");

/** Everybody else is answered by `inner`: by the old code, which goes on. */
export function showFailure(inner: Backend, page: string): Backend {
  const body = Buffer.from(page, "utf8").toString("latin1");
  return {
    wantsBody: inner.wantsBody,
    handle(exchange) {
      if (isDeveloper(exchange)) exchange.answer(500, "", fields, body);
      else inner.handle(exchange);
    },
    retire: inner.retire,
  };
}

function isDeveloper({ head, connection, client }: Exchange): boolean {
  const proxied = ["x-forwarded-for", "forwarded", "via", "x-real-ip"].some(
    (name) => headerValue(head, name) !== undefined,
  );
  const asker = {
    method: head.method,
    accept: headerValue(head, "accept"),
    host: headerValue(head, "host"),
    addresses: [connection.peerAddress, client.address],
    proxied,
  };
  return maySeeFailure(asker, asksForHtml);
}
