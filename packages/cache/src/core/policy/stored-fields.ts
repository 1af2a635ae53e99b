/** Which lines of an answer are stored (RFC 9111 §3.1), and how a 304 changes them (§3.2). */
import { lineEnd } from "./response-facts.ts";

/** Of one connection or one proxy only, or written anew with every answer. */
const neverStored: ReadonlySet<string> = new Set([
  "age",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9111 §3.2: they speak of the stored bytes, which a 304 does not bring. */
const neverUpdated: ReadonlySet<string> = new Set(["content-encoding", "content-range"]);

/** The lines to store; `left` are names in lower case that go with the rest. */
export function storedFields(fields: string, ...left: (readonly string[] | null)[]): string {
  return filterLines(
    fields,
    (name) => !neverStored.has(name) && !left.some((names) => names?.includes(name)),
  );
}

/** The stored lines with those of a 304 in place of their namesakes. */
export function mergeFields(stored: string, update: string): string {
  const updated = new Set<string>();
  const added = filterLines(update, (name) => {
    if (neverUpdated.has(name)) return false;
    updated.add(name);
    return true;
  });
  return filterLines(stored, (name) => !updated.has(name)) + added;
}

/** Lines of which `keep` says yes to the name, in lower case. */
export function filterLines(fields: string, keep: (name: string) => boolean): string {
  let kept = "";
  for (let at = 0; at < fields.length; ) {
    const end = lineEnd(fields, at) + 2;
    const colon = fields.indexOf(":", at);
    if (colon > at && colon < end && keep(fields.slice(at, colon).trim().toLowerCase())) {
      kept += fields.slice(at, end);
    }
    at = end;
  }
  return kept;
}
