/** Finds the handler a Node app's entry module exports; runs in the worker. */
import { existsSync, readdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, dirname } from "node:path";
import type { Duplex } from "node:stream";
import { pathToFileURL } from "node:url";
import type { ImportFailure } from "../core/import-failure.ts";
import { type FetchHandler, serveFetch } from "./serve-fetch.ts";

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** As of the server's `upgrade` event: what `ws` and others call `handleUpgrade`. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => unknown;

export interface Handlers {
  readonly handler: RequestHandler;
  readonly upgrade: UpgradeHandler | undefined;
}

export type Loaded =
  | ({ readonly kind: "loaded" } & Handlers)
  /** It exports no handler: it listens by itself, or `failure` says what is missing. */
  | { readonly kind: "listens" | "failed"; readonly failure: ImportFailure };

/** @param entry absolute path of an ES module or a CommonJS one */
export async function loadEntry(entry: string): Promise<Loaded> {
  if (!existsSync(entry)) {
    const found = filesIn(dirname(entry)).filter((file) => /\.[cm]?[jt]s$/.test(file));
    return failed(entry, { kind: "module-not-found", found, traceback: "" });
  }
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = (await import(pathToFileURL(entry).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    return failed(entry, { kind: "error", found: [], traceback: formatThrown(error) });
  }
  let handler: RequestHandler | undefined;
  let main: unknown;
  try {
    main = await exported["default"];
    handler = (await handlerOf(main)) ?? (await handlerOf(exported));
  } catch (error) {
    return failed(entry, { kind: "error", found: [], traceback: formatThrown(error) });
  }
  if (handler !== undefined) {
    return { kind: "loaded", handler, upgrade: upgradeOf(exported) ?? upgradeOf(main) };
  }
  const found = Object.keys(exported).filter((name) => name !== "module.exports");
  const kind = "default" in exported ? "not-callable" : "attribute-missing";
  return { ...failed(entry, { kind, found, traceback: "" }), kind: "listens" };
}

/** An app's own frames matter; Node's do not. */
export function formatThrown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `threw ${String(thrown)}`;
  const lines = (thrown.stack ?? String(thrown)).split("\n");
  return lines.filter((line) => !/^\s+at .*\bnode:/.test(line)).join("\n");
}

/**
 * A function (an Express app is one), or what the frameworks make: an object with `fetch` (Hono and
 * many others), a Koa app, a Fastify instance; or one of them as a transpiled default export.
 */
async function handlerOf(value: unknown): Promise<RequestHandler | undefined> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    return undefined;
  const { fetch, callback, routing, ready } = value as Readonly<Record<string, unknown>>;
  if (typeof fetch === "function") {
    return serveFetch((request) => (fetch as FetchHandler).call(value, request));
  }
  if (typeof value === "function") return value as RequestHandler;
  if (typeof callback === "function") return callback.call(value) as RequestHandler;
  if (typeof routing === "function" && typeof ready === "function") {
    await ready.call(value);
    return (request, response) => routing.call(value, request, response) as unknown;
  }
  const { default: inner } = value as { readonly default?: unknown };
  return inner === undefined || inner === value ? undefined : handlerOf(inner);
}

function upgradeOf(value: unknown): UpgradeHandler | undefined {
  const isObject = (typeof value === "object" || typeof value === "function") && value !== null;
  const upgrade = isObject ? (value as { readonly upgrade?: unknown }).upgrade : undefined;
  if (typeof upgrade !== "function") return undefined;
  return (request, socket, head) => upgrade.call(value, request, socket, head) as unknown;
}

function failed(
  entry: string,
  failure: Omit<ImportFailure, "module" | "name">,
): Extract<Loaded, { readonly failure: ImportFailure }> {
  return { kind: "failed", failure: { ...failure, module: basename(entry), name: "default" } };
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
