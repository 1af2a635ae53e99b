/**
 * `replaceErrors`: a page of `edge.errorPages` in place of what an app or upstream says with such a
 * status. Status and what a client needs to go on stay; the body is dropped as it comes.
 */
import type { ErrorPages } from "../../core/error-pages.ts";
import type { ClientExchange } from "../client/client-state.ts";

/** Lines that mean something beside any page. */
const keptLines = /^(?:www-authenticate|retry-after|allow|set-cookie|date):[^\r\n]*\r\n/gim;

/** For one exchange, before it is answered. */
export function replaceErrors(exchange: ClientExchange, pages: ErrorPages): void {
  const { begin, write, end } = exchange;
  exchange.begin = function (status, reason, fields, length, hasDate) {
    const page = status < 400 || this.begun || this.done ? undefined : pages.own(status);
    if (page === undefined) {
      begin.call(this, status, reason, fields, length, hasDate);
      return;
    }
    const kept = (fields.match(keptLines) ?? []).join("");
    begin.call(this, status, page.phrase, kept + page.fields, page.body.length);
    write.call(this, page.body);
    this.write = () => true;
    // Whether the other answer broke off is nothing to this one.
    this.fail = () => end.call(this);
  };
}
