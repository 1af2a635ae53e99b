/**
 * `edge.compression`: lets an exchange code the body of its answer on the way, if the answer and
 * the client are fit for it. What is in the way is put there per exchange: an answer that is not
 * compressed passes through nothing.
 */
import type { CompressionPlan, Encoding, RoutePlan } from "@stack/config";
import { type AcceptedEncodings, headerValue } from "@stack/protocols";
import {
  codedFields,
  compileCodingRules,
  decideCoding,
  varyByEncoding,
} from "../../core/compression/decide-coding.ts";
import { createEncodingChoice } from "../../core/static/encoding-choice.ts";
import { type Backend, type Exchange, unknownLength } from "../exchange.ts";
import { encodeAnswer } from "./encode-answer.ts";
import { type EncoderLoad, encodeWhole, hasCapacity } from "./encoders.ts";

export interface Compression {
  /** Whether files of this type and size are coded. */
  readonly isCodable: (type: string, bytes: number) => boolean;
  /** Whether an answer is coded, whole and for whoever accepts it. */
  readonly isFit: (status: number, fields: string, bytes: number) => boolean;
  readonly accepted: (header: string | undefined) => AcceptedEncodings;
  /** The answer that will be begun is coded, if it is fit. */
  readonly offer: (exchange: Exchange) => void;
  /** Undefined when too many are at work. */
  readonly encode: (body: Buffer, encoding: Encoding) => Promise<Buffer> | undefined;
}

export function createCompression(plan: CompressionPlan): Compression {
  const rules = compileCodingRules(plan);
  const accepted = createEncodingChoice(plan.encodings);
  const load: EncoderLoad = { open: 0, busy: 0 };
  return {
    isCodable: (type, bytes) => bytes >= rules.minBytes && rules.isCodableType(type),
    isFit: (status, fields, bytes) => decideCoding(rules, status, fields, bytes) === "fit",
    accepted,
    offer(exchange) {
      const { begin } = exchange;
      exchange.begin = function (status, reason, fields, length, hasDate) {
        this.begin = begin;
        const verdict = decideCoding(rules, status, fields, length);
        if (verdict === "unfit") {
          begin.call(this, status, reason, fields, length, hasDate);
          return;
        }
        const { encodings, identity } = accepted(headerValue(this.head, "accept-encoding"));
        const encoding = encodings[0] as Encoding | undefined;
        const isWanted = verdict === "fit" || !identity;
        if (encoding === undefined || !isWanted || !hasCapacity(load)) {
          begin.call(this, status, reason, varyByEncoding(fields), length, hasDate);
          return;
        }
        begin.call(this, status, reason, codedFields(fields, encoding), unknownLength, hasDate);
        if (!this.isHead && !this.done) encodeAnswer(this, encoding, length, load);
      };
    },
    encode(body, encoding) {
      if (!hasCapacity(load)) return undefined;
      load.busy += 1;
      return encodeWhole(body, encoding).finally(() => {
        load.busy -= 1;
      });
    },
  };
}

/** Codes the answers of an app or upstream; the backend itself where there is nothing to code. */
export function compressAnswers(
  route: RoutePlan,
  inner: Backend,
  compression: Compression | undefined,
): Backend {
  const { kind } = route.action;
  const isLive = kind === "app" || kind === "upstream" || kind === "split";
  if (compression === undefined || !isLive) return inner;
  return {
    wantsBody: inner.wantsBody,
    handle(exchange) {
      compression.offer(exchange);
      inner.handle(exchange);
    },
    retire: inner.retire,
  };
}
