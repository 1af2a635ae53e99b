/** Changes to the fields of an answer, decided before there is one. Several are made in their order. */
import type { ClientExchange } from "./client-state.ts";

/** @param edit from `Name: value\r\n` lines to the ones that leave */
export function editFields(exchange: ClientExchange, edit: (fields: string) => string): void {
  const before = exchange.editAnswer;
  exchange.editAnswer =
    before === undefined ? edit : (fields, of, status) => edit(before(fields, of, status));
}

/** @param added `Name: value\r\n` lines that are put after the answer's own */
export function addFields(exchange: ClientExchange, added: string): void {
  editFields(exchange, (fields) => fields + added);
}
