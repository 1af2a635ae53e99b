/** What all requests of one route with `cache` share, on one thread. */
import type { StoredAnswer } from "@stack/cache";
import type { CacheRules } from "../../core/cache/cache-rules.ts";
import type { Compression } from "../compression/compression.ts";
import type { Backend } from "../exchange.ts";
import type { CacheDesk } from "./cache-desk.ts";

export interface CachedRoute {
  readonly rules: CacheRules;
  readonly desk: CacheDesk;
  /** The app or upstream. */
  readonly inner: Backend;
  /** Undefined: answers are coded by nobody but the app. */
  readonly compression: Compression | undefined;
  /** Whether answers say `Cache-Status`. */
  readonly saysStatus: boolean;
  /** Between the parts of an answer: not to be known by who makes them. */
  readonly boundary: string;
  /** The supervisor says that nobody could answer now. */
  readonly isDown: () => boolean;
  /** Another release of the app has made it, and that counts (`cache.purgeOnRelease`). */
  readonly isOutdated: (answer: StoredAnswer) => boolean;
}
