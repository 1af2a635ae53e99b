/**
 * The answer side of an exchange that a web server in front asked for: a CGI head (RFC 3875 §6.3) or,
 * over uwsgi, one of HTTP; no chunks, no Connection, no Date of ours, no 1xx. The methods take the
 * place of those in `client-exchange.ts`; `this` is the exchange.
 */
import type { ListenerProtocol } from "@stack/config";
import { contentLengthLine, reasonOf } from "@stack/protocols";
import { put } from "../client/client-output.ts";
import type { ClientExchange, Dialect } from "../client/client-state.ts";
import type { PreparedAnswer } from "../exchange.ts";

/**
 * @param spoken what that server speaks with the client, for the access log: "HTTP/2.0"
 */
export function createFrontDialect(protocol: ListenerProtocol, spoken: string): Dialect {
  return { protocol: spoken, methods: protocol === "uwsgi" ? httpMethods : cgiMethods };
}

const httpMethods = createMethods("HTTP/1.1 ");
const cgiMethods = createMethods("Status: ");

function createMethods(before: string): Dialect["methods"] {
  function begin(
    this: ClientExchange,
    status: number,
    reason: string,
    fields: string,
    length: number,
  ): void {
    if (this.done || this.begun) return;
    this.answerLength = length;
    let lines = this.editAnswer === undefined ? fields : this.editAnswer(fields, this, status);
    if (length >= 0 && status !== 204) lines += contentLengthLine(length);
    putHead(this, status, reason || reasonOf(status), lines);
  }

  function answerPrepared(this: ClientExchange, prepared: PreparedAnswer): void {
    if (this.done || this.begun) return;
    const { status, body } = prepared;
    const all = prepared.head.slice(prepared.head.indexOf("\n") + 1);
    const fields = this.editAnswer === undefined ? all : this.editAnswer(all, this, status);
    this.answerLength = body.length;
    putHead(this, status, reasonOf(status), fields);
    this.write(body);
    this.end();
  }

  function putHead(exchange: ClientExchange, status: number, reason: string, lines: string): void {
    exchange.begun = true;
    exchange.status = status;
    exchange.answerBodiless = exchange.isHead || status === 204 || status === 304;
    put(exchange.io, `${before}${status} ${reason}\r\n${lines}\r\n`);
  }

  return { inform: () => {}, begin, answerPrepared };
}
