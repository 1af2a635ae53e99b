/**
 * `static` routes: GET and HEAD of the files below a root. What is in memory is answered
 * synchronously and in one write; all else waits for the disk. Whatever a name could be abused for
 * ends in a plain 404.
 */
import { randomBytes } from "node:crypto";
import type { Encoding, StaticSettings } from "@stack/config";
import { decodePath, headerValue, type RequestHead, reasonOf } from "@stack/protocols";
import { refusesTransform } from "../../core/compression/decide-coding.ts";
import type { ErrorPages } from "../../core/error-pages.ts";
import type { KeptFields } from "../../core/internal/internal-target.ts";
import { escapeLocation } from "../../core/routing/redirect-target.ts";
import { createEncodingChoice } from "../../core/static/encoding-choice.ts";
import {
  asksForJson,
  formatListingHtml,
  formatListingJson,
  listingFields,
} from "../../core/static/folder-listing.ts";
import { decideStaticName, isScript, type StaticName } from "../../core/static/static-path.ts";
import { compileStaticRules, plainSettings } from "../../core/static/static-rules.ts";
import type { Compression } from "../compression/compression.ts";
import type { Backend, Exchange } from "../exchange.ts";
import { type ChunkPool, createChunkPool } from "./chunk-pool.ts";
import { listFolder } from "./list-folder.ts";
import { codedContent, describedBy, type StaticContent } from "./static-content.ts";
import { answerPage, type ServingTools, serveContent, streamContent } from "./static-serving.ts";
import { createStaticStore, type Looked, type StaticEntry } from "./static-store.ts";
import { createWarmFiles, type WarmFiles } from "./warm-files.ts";

/** Of a large file, read at once: larger costs memory per slow client, smaller a thread switch each. */
const chunkBytes = 256 * 1024;
const keptChunks = 16;
/** For larger files that are asked for often. */
const warmBytes = 16 * 1024 * 1024;

/** Of what lies beside a file, the smallest is the best. */
const precompressedOrder = ["br", "zstd", "gzip"];

export interface StaticOptions {
  /** Absolute. */
  readonly root: string;
  /** Characters of the path that the route covers (`RouteDecision.prefixLength`). */
  readonly prefixLength: number;
  /** For the contents of small files. */
  readonly cacheBytes: number;
  readonly pages: ErrorPages;
  readonly settings?: StaticSettings | undefined;
  /** For larger files; shared by the routes of a thread. */
  readonly large?: LargeFiles | undefined;
  /** Undefined: files are sent as they are. */
  readonly compression?: Compression | undefined;
  /** Who gets what is no file; undefined: it is 404. */
  readonly otherwise?: Backend | undefined;
}

/** What reading larger files needs. */
export interface LargeFiles {
  readonly chunks: ChunkPool;
  readonly warm: WarmFiles;
}

export function createLargeFiles(): LargeFiles {
  return { chunks: createChunkPool(chunkBytes, keptChunks), warm: createWarmFiles(warmBytes) };
}

export interface StaticBackend extends Backend {
  /** Answers with a file that an app named; a GET, whatever was asked of the app. */
  readonly send: (exchange: Exchange, name: StaticName, kept: KeptFields) => void;
}

export function createStaticBackend(options: StaticOptions): StaticBackend {
  const { root, pages, compression, otherwise } = options;
  const rules = compileStaticRules(options.settings ?? plainSettings);
  const store = createStaticStore({
    root,
    rules,
    cacheBytes: options.cacheBytes,
    isCodable:
      compression === undefined || refusesTransform(rules.lines)
        ? () => false
        : compression.isCodable,
  });
  const accepted = compression?.accepted ?? createEncodingChoice(precompressedOrder);
  const tools: ServingTools = {
    pages,
    ...(options.large ?? createLargeFiles()),
    boundary: randomBytes(18).toString("hex"),
  };

  /** The variant this client gets; undefined when it has to be made first. */
  const choose = (entry: StaticEntry, head: RequestHead): StaticContent | undefined => {
    const { variants } = entry;
    if (variants === undefined) return entry;
    const { encodings } = accepted(headerValue(head, "accept-encoding"));
    const [preferred] = encodings;
    if (preferred === undefined) return entry;
    for (const encoding of encodings) {
      const found = variants.get(encoding);
      if (found?.isFound === true) return found;
    }
    // What we code ourselves may have other bytes next time: no part of it is given.
    if (!entry.isCodable || headerValue(head, "range") !== undefined) return entry;
    return variants.get(preferred);
  };
  const make = async (entry: StaticEntry, exchange: Exchange): Promise<StaticContent> => {
    if (entry.body === undefined) {
      compression?.offer(exchange);
      return entry;
    }
    const header = headerValue(exchange.head, "accept-encoding");
    const encoding = accepted(header).encodings[0] as Encoding | undefined;
    if (encoding === undefined) return entry;
    const coded = await compression?.encode(entry.body, encoding);
    if (coded === undefined) return entry;
    const variant = codedContent(entry, encoding, coded);
    store.keep(entry, encoding, variant);
    return variant;
  };
  const look = async (exchange: Exchange, isRetry: boolean): Promise<void> => {
    const { path } = exchange.head;
    const name = decideStaticName(path, options.prefixLength);
    const looked = name === undefined ? "missing" : await store.look(path, name);
    if (exchange.done) return;
    if (typeof looked === "string") {
      if (otherwise === undefined || looked === "forbidden") answerWithout(exchange, looked);
      else otherwise.handle(exchange);
      return;
    }
    if ("listing" in looked) {
      await list(exchange, root, looked.listing);
      return;
    }
    const content = choose(looked, exchange.head) ?? (await make(looked, exchange));
    if (exchange.done || serveContent(exchange, content, Date.now(), tools)) return;
    if ((await streamContent(exchange, content, tools)) || exchange.done) return;
    // Replaced between the look and the opening.
    if (isRetry) exchange.fail(503, "the file is being replaced", 1);
    else await look(exchange, true);
  };

  /** What was seen a moment ago: the opening shows whether it is still there. */
  const stream = async (exchange: Exchange, content: StaticContent): Promise<void> => {
    if ((await streamContent(exchange, content, tools)) || exchange.done) return;
    await look(exchange, false);
  };
  const sendNamed = async (
    exchange: Exchange,
    name: StaticName,
    kept: KeptFields,
    isRetry: boolean,
  ): Promise<void> => {
    // No path of a client has this form.
    const looked = await store.look(`\x01${name.relative}${name.isFolder ? "/" : ""}`, name);
    if (exchange.done) return;
    if (typeof looked === "string" || "listing" in looked) {
      answerWithout(exchange, looked === "forbidden" ? looked : "missing");
      return;
    }
    const content = describedBy(choose(looked, exchange.head) ?? looked, kept);
    if (serveContent(exchange, content, Date.now(), tools)) return;
    if ((await streamContent(exchange, content, tools)) || exchange.done) return;
    if (isRetry) exchange.fail(503, "the file is being replaced", 1);
    else await sendNamed(exchange, name, kept, true);
  };

  return {
    wantsBody: otherwise?.wantsBody ?? false,
    handle(exchange) {
      const { method, path } = exchange.head;
      if (otherwise !== undefined) {
        const isForFiles = isRead(method) && exchange.upgrade === "" && !isScript(path);
        if (!isForFiles) {
          otherwise.handle(exchange);
          return;
        }
      }
      if (!isRead(method)) {
        answerPage(exchange, pages, 405, "Allow: GET, HEAD\r\n");
        return;
      }
      const now = Date.now();
      const entry = store.recent(path, now);
      const content = entry === undefined ? undefined : choose(entry, exchange.head);
      if (content !== undefined && serveContent(exchange, content, now, tools)) return;
      const answered = content === undefined ? look(exchange, false) : stream(exchange, content);
      answered.catch((error: unknown) => failBy(exchange, error));
    },
    send(exchange, name, kept) {
      sendNamed(exchange, name, kept, false).catch((error: unknown) => failBy(exchange, error));
    },
    retire: () => otherwise?.retire(),
  };
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

async function list(exchange: Exchange, root: string, relative: string): Promise<void> {
  const listing = await listFolder(root, relative);
  if (exchange.done) return;
  if (listing === undefined) {
    answerWithout(exchange, "missing");
    return;
  }
  const asJson = asksForJson(headerValue(exchange.head, "accept"));
  const shownPath = Buffer.from(decodePath(exchange.head.path), "latin1").toString("utf8");
  const text = asJson ? formatListingJson(listing) : formatListingHtml(listing, shownPath);
  const type = asJson
    ? "Content-Type: application/json; charset=utf-8\r\n"
    : "Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n";
  exchange.answer(200, reasonOf(200), type + listingFields, Buffer.from(text, "utf8"));
}

function answerWithout(exchange: Exchange, looked: Extract<Looked, string>): void {
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

function failBy(exchange: Exchange, error: unknown): void {
  exchange.fail(isShortage(error) ? 503 : 500, "the file could not be read");
}

/** Too many open files, or no memory: it may work again in a moment. */
function isShortage(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EMFILE" || code === "ENFILE" || code === "ENOMEM";
}
