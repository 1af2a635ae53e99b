/**
 * Header names as CGI keys, remembered: the same few names come with every request. Bounded, since
 * clients choose them; keys are copies, since a slice would hold the whole read it came from.
 */
import { flatCopy } from "./flat.ts";

export interface CgiName {
  /** "\0HTTP_ACCEPT\0" */
  readonly prefix: string;
  /** The number of the block that used it last: how a second line of the same name is noticed. */
  usedIn: number;
}

const maxNames = 1024;
const maxLength = 64;
const byName = new Map<string, CgiName>();
const byKey = new Map<string, CgiName>();

/** Forgets all when there are too many. Only between two blocks: within one, a name is one object. */
export function boundCgiNames(): void {
  if (byName.size < maxNames) return;
  byName.clear();
  byKey.clear();
}

/** "Accept", "accept" → the one object of HTTP_ACCEPT; undefined for a name too long to remember. */
export function cgiNameOf(name: string): CgiName | undefined {
  const found = byName.get(name);
  if (found !== undefined) return found;
  if (name.length > maxLength) return undefined;
  const key = flatCopy(cgiKeyOf(name));
  let entry = byKey.get(key);
  if (entry === undefined) {
    entry = { prefix: flatCopy(`\0${key}\0`), usedIn: 0 };
    byKey.set(key, entry);
  }
  byName.set(flatCopy(name), entry);
  return entry;
}

/** "Accept" → "HTTP_ACCEPT" */
export function cgiKeyOf(name: string): string {
  return `HTTP_${name.toUpperCase().replaceAll("-", "_")}`;
}
