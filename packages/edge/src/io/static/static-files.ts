/**
 * `static` routes: GET and HEAD of the files below a root. What is in memory is answered
 * synchronously and in one write; all else waits for the disk. Whatever a name could be abused for
 * ends in a plain 404.
 */
import { formatContentRange, formatHttpDate, headerValue, reasonOf } from "@stack/protocols";
import { asksForHtml, type ErrorPages } from "../../core/error-pages.ts";
import { prepareAnswer } from "../../core/prepared-answer.ts";
import { escapeLocation } from "../../core/routing/redirect-target.ts";
import {
  decideStaticAnswer,
  hasConditions,
  type StaticDecision,
} from "../../core/static/static-answer.ts";
import { decideStaticName } from "../../core/static/static-path.ts";
import type { Backend, Exchange } from "../exchange.ts";
import { type ChunkPool, createChunkPool } from "./chunk-pool.ts";
import { closeQuietly, openFound } from "./static-lookup.ts";
import { createStaticStore, type Looked, type StaticEntry } from "./static-store.ts";
import { streamFile } from "./static-stream.ts";

/** Of a large file, read at once: larger costs memory per slow client, smaller a thread switch each. */
const chunkBytes = 256 * 1024;
const keptChunks = 4;

export interface StaticOptions {
  /** Absolute. */
  readonly root: string;
  /** Characters of the path that the route covers (`RouteDecision.prefixLength`). */
  readonly prefixLength: number;
  /** For the contents of small files. */
  readonly cacheBytes: number;
  readonly pages: ErrorPages;
}

export function createStaticBackend(options: StaticOptions): Backend {
  const store = createStaticStore(options.root, options.cacheBytes);
  const chunks = createChunkPool(chunkBytes, keptChunks);

  const look = async (exchange: Exchange, isRetry: boolean): Promise<void> => {
    const { path } = exchange.head;
    const name = decideStaticName(path, options.prefixLength);
    const looked = name === undefined ? "missing" : await store.look(path, name);
    if (exchange.done) return;
    if (typeof looked === "string") answerWithout(exchange, looked);
    else if (serve(exchange, looked, Date.now(), options.pages)) return;
    else if (!(await stream(exchange, looked, options.pages, chunks)) && !exchange.done) {
      // Replaced between the look and the opening.
      if (isRetry) exchange.fail(503, "the file is being replaced", 1);
      else await look(exchange, true);
    }
  };

  return {
    wantsBody: false,
    handle(exchange) {
      const { method, path } = exchange.head;
      if (method !== "GET" && method !== "HEAD") {
        answerPage(exchange, options.pages, 405, "Allow: GET, HEAD\r\n");
        return;
      }
      const now = Date.now();
      const entry = store.recent(path, now);
      if (entry !== undefined && serve(exchange, entry, now, options.pages)) return;
      look(exchange, false).catch((error: unknown) => {
        exchange.fail(isShortage(error) ? 503 : 500, "the file could not be read");
      });
    },
    retire() {},
  };
}

/** False when the file has to be streamed. */
function serve(exchange: Exchange, entry: StaticEntry, nowMs: number, pages: ErrorPages): boolean {
  if (hasConditions(exchange.head)) {
    const { representation, file } = entry;
    const decision = decideStaticAnswer(exchange.head, representation, file.size, nowMs);
    if (answerWithoutBody(exchange, entry, decision, pages)) return true;
    if (decision.kind === "part") {
      if (entry.body === undefined) return false;
      const { first, last } = decision;
      exchange.answer(
        206,
        reasonOf(206),
        partFields(entry, first, last),
        entry.body.subarray(first, last + 1),
      );
      return true;
    }
  }
  if (entry.body === undefined) {
    if (!exchange.isHead) return false;
    exchange.begin(200, reasonOf(200), entry.representation.fields, entry.file.size);
    exchange.end();
    return true;
  }
  exchange.answerPrepared(prepare(entry, entry.body, nowMs));
  return true;
}

/** The answer as bytes, made anew each second for its Date. */
function prepare(entry: StaticEntry, body: Buffer, nowMs: number) {
  const second = Math.floor(nowMs / 1000);
  if (entry.prepared !== undefined && entry.preparedSecond === second) return entry.prepared;
  const { fields } = entry.representation;
  const prepared = prepareAnswer({ status: 200, fields, body }, formatHttpDate(nowMs));
  entry.prepared = prepared;
  entry.preparedSecond = second;
  entry.body = prepared.body; // one copy is enough
  return prepared;
}

/** False when the file is no longer the one that was found, and nothing was begun. */
async function stream(
  exchange: Exchange,
  entry: StaticEntry,
  pages: ErrorPages,
  chunks: ChunkPool,
): Promise<boolean> {
  const { representation, file } = entry;
  const decision = decideStaticAnswer(exchange.head, representation, file.size, Date.now());
  if (answerWithoutBody(exchange, entry, decision, pages)) return true;
  const fd = await openFound(file);
  if (fd === undefined) return false;
  if (exchange.done) {
    closeQuietly(fd);
    return true;
  }
  if (decision.kind === "part") {
    const { first, last } = decision;
    exchange.begin(206, reasonOf(206), partFields(entry, first, last), last + 1 - first);
    streamFile(exchange, fd, first, last + 1, chunks);
  } else {
    exchange.begin(200, reasonOf(200), representation.fields, file.size);
    streamFile(exchange, fd, 0, file.size, chunks);
  }
  return true;
}

function answerWithoutBody(
  exchange: Exchange,
  entry: StaticEntry,
  decision: StaticDecision,
  pages: ErrorPages,
): boolean {
  if (decision.kind === "not-modified") {
    exchange.begin(304, reasonOf(304), entry.representation.validators, entry.file.size);
    exchange.end();
  } else if (decision.kind === "failed") {
    answerPage(exchange, pages, 412, "");
  } else if (decision.kind === "unsatisfiable") {
    const range = formatContentRange(undefined, entry.file.size);
    answerPage(exchange, pages, 416, `Content-Range: ${range}\r\n`);
  } else {
    return false;
  }
  return true;
}

function answerWithout(exchange: Exchange, looked: Exclude<Looked, StaticEntry>): void {
  if (looked === "missing") {
    exchange.fail(404, "no such file");
  } else if (looked === "forbidden") {
    exchange.fail(403, "the file may not be read");
  } else {
    // The path has no empty segment, so this cannot become "//host".
    const { path, query, hasQuery } = exchange.head;
    const location = escapeLocation(`${path}/${hasQuery ? `?${query}` : ""}`);
    exchange.answer(
      301,
      reasonOf(301),
      `Location: ${location}\r\nContent-Type: text/plain; charset=utf-8\r\n`,
      `301 ${reasonOf(301)}\n${location}\n`,
    );
  }
}

function answerPage(exchange: Exchange, pages: ErrorPages, status: number, fields: string): void {
  const page = pages.page(status, "", asksForHtml(headerValue(exchange.head, "accept")));
  exchange.answer(status, page.phrase, page.fields + fields, page.body);
}

function partFields(entry: StaticEntry, first: number, last: number): string {
  const range = formatContentRange({ first, last }, entry.file.size);
  return `${entry.representation.fields}Content-Range: ${range}\r\n`;
}

/** Too many open files, or no memory: it may work again in a moment. */
function isShortage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EMFILE" || code === "ENFILE" || code === "ENOMEM";
}
