/**
 * The answer side of an exchange where it is HTTP/2: fields go out as a list, there is no chunked
 * and no keep-alive, and the stream ends where the answer does. The methods take the place of those
 * in `client-exchange.ts`; `this` is the exchange.
 */
import { contentLengthLine } from "@stack/protocols";
import { fieldLines } from "../../core/h2/field-lines.ts";
import type { ClientExchange, Dialect } from "../client/client-state.ts";
import type { PreparedAnswer } from "../exchange.ts";

const dateField = /(?:^|\n)date:/i;

/** What stands in the place of a client's socket, in so far as it says heads. */
export interface HeadSpeaker {
  /** No answer is wanted any more. */
  readonly isAnswered: () => boolean;
  /** @param fields ":status" first, as `fieldLines` has them */
  readonly say: (fields: readonly string[], endStream: boolean) => void;
}

function speakerOf({ io }: ClientExchange): HeadSpeaker {
  return io.socket as unknown as HeadSpeaker;
}

function inform(this: ClientExchange, status: number, _reason: string, fields: string): void {
  const speaker = speakerOf(this);
  if (this.done || this.begun || status <= 101 || speaker.isAnswered()) return;
  this.io.thread.metrics.informed();
  speaker.say(fieldLines(status, fields), false);
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

function respond(exchange: ClientExchange, status: number, lines: string, isEmpty: boolean): void {
  const io = exchange.io;
  exchange.begun = true;
  exchange.status = status;
  exchange.answerBodiless = exchange.isHead || status === 204 || status === 304;
  const speaker = speakerOf(exchange);
  if (speaker.isAnswered()) return;
  const all = io.rules === undefined ? lines : lines + io.rules.answerFields;
  speaker.say(fieldLines(status, all), exchange.answerBodiless || isEmpty);
}

export const h2Dialect: Dialect = {
  protocol: "HTTP/2.0",
  methods: { inform, begin, answerPrepared },
};
