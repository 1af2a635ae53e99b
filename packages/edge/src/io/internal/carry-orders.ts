/** Orders in the head of an answer (X-Accel-*, X-Sendfile): obeyed, passed on, or kept from the client. */
import type { Exchange } from "../exchange.ts";

/**
 * The header lines to begin the answer with.
 *
 * @param orders each line ended by CRLF; "" for none
 */
export function carryOrders(exchange: Exchange, fields: string, orders: string): string {
  if (orders === "") return fields;
  if (exchange.obey !== undefined) {
    exchange.obey(orders);
    return fields;
  }
  // They are for the web server in front of us, if there is one.
  return exchange.connection.front === undefined ? fields : fields + orders;
}
