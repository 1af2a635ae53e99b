/**
 * CDN-Cache-Control (RFC 9213): a dictionary of structured fields (RFC 9651 §3.2), read strictly.
 * A field that is no such dictionary, that is empty, or that gives a known directive a value of
 * the wrong type is as if it were not there (RFC 9213 §2.1), and Cache-Control counts.
 */
import { createDirectives, type Directives, maxSeconds } from "./directives.ts";
import { type BareItem, parseDictionary } from "./structured-dictionary.ts";

type Flag =
  | "noStore"
  | "noCache"
  | "isPrivate"
  | "isPublic"
  | "mustRevalidate"
  | "proxyRevalidate"
  | "mustUnderstand";
type Seconds = "maxAge" | "sharedMaxAge" | "staleWhileRevalidate" | "staleIfError";

const flags: Readonly<Record<string, Flag>> = {
  "no-store": "noStore",
  "no-cache": "noCache",
  private: "isPrivate",
  public: "isPublic",
  "must-revalidate": "mustRevalidate",
  "proxy-revalidate": "proxyRevalidate",
  "must-understand": "mustUnderstand",
};

const seconds: Readonly<Record<string, Seconds>> = {
  "max-age": "maxAge",
  "s-maxage": "sharedMaxAge",
  "stale-while-revalidate": "staleWhileRevalidate",
  "stale-if-error": "staleIfError",
};

/** Undefined where Cache-Control is to be read instead. */
export function parseTargetedDirectives(value: string | undefined): Directives | undefined {
  if (value === undefined) return undefined;
  const dictionary = parseDictionary(value);
  if (dictionary === undefined || dictionary.size === 0) return undefined;
  const directives = createDirectives();
  for (const [name, item] of dictionary) {
    if (!apply(directives, name, item)) return undefined;
  }
  return directives;
}

/** False for a value of the wrong type. */
function apply(directives: Directives, name: string, item: BareItem): boolean {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag !== undefined) {
    if (typeof item === "string" && (flag === "noCache" || flag === "isPrivate")) {
      const fields = item.split(",").map((field) => field.trim().toLowerCase());
      directives[flag === "noCache" ? "noCacheFields" : "privateFields"] = fields;
      return true;
    }
    if (typeof item !== "boolean") return false;
    directives[flag] = item;
    return true;
  }
  const number = Object.hasOwn(seconds, name) ? seconds[name] : undefined;
  if (number === undefined) return true;
  if (typeof item !== "number" || item < 0) return false;
  directives[number] = Math.min(item, maxSeconds);
  return true;
}
