/**
 * The answer side of an exchange where it is HTTP/2: fields go out as a list, there is no chunked
 * and no keep-alive, and the stream ends where the answer does. The methods take the place of those
 * in `client-exchange.ts`; `this` is the exchange.
 */
import type { ServerHttp2Stream } from "node:http2";
import { contentLengthLine } from "@stack/protocols";
import { fieldLines } from "../../core/h2/field-lines.ts";
import type { ClientExchange, Dialect } from "../client/client-state.ts";
import type { PreparedAnswer } from "../exchange.ts";

const dateField = /(?:^|\n)date:/i;

/** One per stream: its methods know it. */
export function createH2Dialect(stream: ServerHttp2Stream): Dialect {
  function inform(this: ClientExchange, status: number, _reason: string, fields: string): void {
    if (this.done || this.begun || status <= 101 || !isWritable(stream)) return;
    this.io.thread.metrics.informed();
    const list = fieldLines(status, fields);
    const headers: Record<string, string[]> = {};
    for (let index = 0; index < list.length; index += 2) {
      const name = list[index] ?? "";
      headers[name] = [...(headers[name] ?? []), list[index + 1] ?? ""];
    }
    stream.additionalHeaders(headers);
  }

  function begin(
    this: ClientExchange,
    status: number,
    _reason: string,
    fields: string,
    length: number,
    hasDate: boolean = dateField.test(fields),
  ): void {
    if (this.done || this.begun) return;
    this.answerLength = length;
    let lines = this.editAnswer === undefined ? fields : this.editAnswer(fields, this, status);
    if (!hasDate) lines += this.io.thread.dateLine;
    if (length >= 0 && status !== 204) lines += contentLengthLine(length);
    respond(this, status, lines, length === 0);
  }

  function answerPrepared(this: ClientExchange, prepared: PreparedAnswer): void {
    if (this.done || this.begun) return;
    const { status, body } = prepared;
    const all = prepared.head.slice(prepared.head.indexOf("\n") + 1);
    const fields = this.editAnswer === undefined ? all : this.editAnswer(all, this, status);
    this.answerLength = body.length;
    respond(this, status, fields, body.length === 0);
    this.write(body);
    this.end();
  }

  function respond(
    exchange: ClientExchange,
    status: number,
    lines: string,
    isEmpty: boolean,
  ): void {
    const io = exchange.io;
    exchange.begun = true;
    exchange.status = status;
    exchange.answerBodiless = exchange.isHead || status === 204 || status === 304;
    if (!isWritable(stream)) return; // 'close' is on its way and tells the owner
    const all = io.rules === undefined ? lines : lines + io.rules.answerFields;
    const endStream = exchange.answerBodiless || isEmpty;
    stream.respond(fieldLines(status, all), { endStream });
  }

  return { protocol: "HTTP/2.0", methods: { inform, begin, answerPrepared } };
}

/** "100 Continue" for a client that waits with its body. */
export function sendContinue(stream: ServerHttp2Stream): void {
  if (isWritable(stream)) stream.additionalHeaders({ ":status": 100 });
}

/** Whether it takes an answer: HEAD ends the writable side itself. */
function isWritable(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent;
}
