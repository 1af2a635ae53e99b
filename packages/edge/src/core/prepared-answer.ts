/**
 * Answers that are the same for everyone, as the bytes that leave: made once a second, for its Date,
 * and written in one piece. Making one costs a copy of the body; patching the Date in place would
 * change bytes that a slow connection may still hold.
 */
import { contentLengthLine, statusLine } from "@stack/protocols";

export interface AnswerParts {
  readonly status: number;
  /** Header lines without Date, Server, Connection and Content-Length, each ended by CRLF. */
  readonly fields: string;
  readonly body: Buffer;
}

/** The form `Exchange.answerPrepared` takes. */
export interface PreparedParts {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
  readonly whole: Buffer;
}

/** @param date as `formatHttpDate` writes it */
export function prepareAnswer(parts: AnswerParts, date: string): PreparedParts {
  const { status, fields, body } = parts;
  // RFC 9110 §8.6: no Content-Length in a 204.
  const length = status === 204 ? "" : contentLengthLine(body.length);
  const head = `${statusLine(status, "")}${fields}Date: ${date}\r\n${length}`;
  const whole = Buffer.allocUnsafeSlow(head.length + 2 + body.length);
  whole.write(head, 0, "latin1");
  whole.write("\r\n", head.length, "latin1");
  whole.set(body, head.length + 2);
  return { status, head, body: whole.subarray(head.length + 2), whole };
}
