/**
 * A file as an answer: 200, 206 in one part or several, 304, 412, 416. What is in memory leaves in
 * one write; all else is streamed from the disk.
 */
import { formatContentRange, formatHttpDate, headerValue, reasonOf } from "@stack/protocols";
import { asksForHtml, type ErrorPages } from "../../core/error-pages.ts";
import { prepareAnswer } from "../../core/prepared-answer.ts";
import { joinParts, planMultipart } from "../../core/static/multipart.ts";
import {
  decideStaticAnswer,
  hasConditions,
  type StaticDecision,
} from "../../core/static/static-answer.ts";
import type { Exchange, PreparedAnswer } from "../exchange.ts";
import type { ChunkPool } from "./chunk-pool.ts";
import type { StaticContent } from "./static-content.ts";
import { closeQuietly, openFound } from "./static-lookup.ts";
import { type FileSegment, streamFile, streamMemory } from "./static-stream.ts";
import type { WarmFiles } from "./warm-files.ts";

export interface ServingTools {
  readonly pages: ErrorPages;
  readonly chunks: ChunkPool;
  readonly warm: WarmFiles;
  /** Between the parts of an answer: not to be known by who writes the files. */
  readonly boundary: string;
}

/** False when the file has to be streamed. */
export function serveContent(
  exchange: Exchange,
  content: StaticContent,
  nowMs: number,
  tools: ServingTools,
): boolean {
  const { body, representation, size } = content;
  if (hasConditions(exchange.head)) {
    const decision = decideStaticAnswer(exchange.head, representation, size, nowMs);
    if (answerWithoutBody(exchange, content, decision, tools.pages)) return true;
    if (body === undefined) return serveWarm(exchange, content, decision, tools);
    if (decision.kind === "part" || decision.kind === "parts") {
      if (decision.kind === "part") {
        const { first, last } = decision;
        const part = body.subarray(first, last + 1);
        exchange.answer(206, reasonOf(206), partFields(content, decision), part);
      } else {
        const plan = planMultipart(decision.parts, representation.type, size, tools.boundary);
        const fields = plan.typeLine + representation.lines;
        exchange.answer(206, reasonOf(206), fields, joinParts(plan, body));
      }
      return true;
    }
  }
  if (body === undefined) return serveWarm(exchange, content, whole, tools);
  if (content.isShared) exchange.answerPrepared(prepare(content, body, nowMs));
  else exchange.answer(200, reasonOf(200), representation.fields, body);
  return true;
}

/** False when the file is no longer the one that was found, and nothing was begun. */
export async function streamContent(
  exchange: Exchange,
  content: StaticContent,
  tools: ServingTools,
): Promise<boolean> {
  const { representation, size } = content;
  const decision = decideStaticAnswer(exchange.head, representation, size, Date.now());
  if (answerWithoutBody(exchange, content, decision, tools.pages)) return true;
  if (decision.kind === "whole" && exchange.isHead) {
    exchange.begin(200, reasonOf(200), representation.fields, size);
    exchange.end();
    return true;
  }
  const fd = await openFound(content.file);
  if (fd === undefined) return false;
  if (exchange.done) {
    closeQuietly(fd);
    return true;
  }
  const { segments, last } = beginParts(exchange, content, decision, tools);
  streamFile(exchange, fd, segments, last, tools.chunks);
  return true;
}

const whole: StaticDecision = { kind: "whole" };

/** A file that is too large to be prepared, where it is in memory or only its head is wanted. */
function serveWarm(
  exchange: Exchange,
  content: StaticContent,
  decision: StaticDecision,
  tools: ServingTools,
): boolean {
  if (exchange.isHead) {
    exchange.begin(200, reasonOf(200), content.representation.fields, content.size);
    exchange.end();
    return true;
  }
  const body = tools.warm.ask(content.file);
  if (body === undefined) return false;
  const { segments, last } = beginParts(exchange, content, decision, tools);
  streamMemory(exchange, body, segments, last);
  return true;
}

interface Parts {
  readonly segments: readonly FileSegment[];
  readonly last: string;
}

/** Begins the answer; what is returned is to be written. */
function beginParts(
  exchange: Exchange,
  content: StaticContent,
  decision: StaticDecision,
  tools: ServingTools,
): Parts {
  const { representation, size } = content;
  if (decision.kind === "part") {
    const { first, last } = decision;
    exchange.begin(206, reasonOf(206), partFields(content, decision), last + 1 - first);
    return { segments: [{ before: "", start: first, end: last + 1 }], last: "" };
  }
  if (decision.kind === "parts") {
    const plan = planMultipart(decision.parts, representation.type, size, tools.boundary);
    exchange.begin(206, reasonOf(206), plan.typeLine + representation.lines, plan.length);
    const segments = plan.segments.map(({ before, first, last }) => ({
      before,
      start: first,
      end: last + 1,
    }));
    return { segments, last: plan.end };
  }
  exchange.begin(200, reasonOf(200), representation.fields, size);
  return { segments: [{ before: "", start: 0, end: size }], last: "" };
}

/** An error page of ours with more header lines. */
export function answerPage(
  exchange: Exchange,
  pages: ErrorPages,
  status: number,
  fields: string,
): void {
  const page = pages.page(status, "", asksForHtml(headerValue(exchange.head, "accept")));
  exchange.answer(status, page.phrase, page.fields + fields, page.body);
}

/** The answer as bytes, made anew each second for its Date. */
function prepare(content: StaticContent, body: Buffer, nowMs: number): PreparedAnswer {
  const second = Math.floor(nowMs / 1000);
  if (content.prepared !== undefined && content.preparedSecond === second) return content.prepared;
  const { fields } = content.representation;
  const prepared = prepareAnswer({ status: 200, fields, body }, formatHttpDate(nowMs));
  content.prepared = prepared;
  content.preparedSecond = second;
  content.body = prepared.body; // one copy is enough
  return prepared;
}

function answerWithoutBody(
  exchange: Exchange,
  content: StaticContent,
  decision: StaticDecision,
  pages: ErrorPages,
): boolean {
  if (decision.kind === "not-modified") {
    exchange.begin(304, reasonOf(304), content.representation.validators, content.size);
    exchange.end();
  } else if (decision.kind === "failed") {
    answerPage(exchange, pages, 412, "");
  } else if (decision.kind === "unsatisfiable") {
    const range = formatContentRange(undefined, content.size);
    answerPage(exchange, pages, 416, `Content-Range: ${range}\r\n`);
  } else {
    return false;
  }
  return true;
}

function partFields(
  content: StaticContent,
  part: { readonly first: number; readonly last: number },
): string {
  const range = formatContentRange(part, content.size);
  return `${content.representation.fields}Content-Range: ${range}\r\n`;
}
