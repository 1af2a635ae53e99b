/**
 * Header names as CGI keys, remembered: the same few names come with every request. Bounded, since
 * clients choose them; keys are copies, since a slice would hold the whole read it came from.
 */
import { flatCopy } from "./flat.ts";

export interface CgiName {
  /** "HTTP_ACCEPT" */
  readonly key: string;
  /** "\0HTTP_ACCEPT\0" */
  readonly prefix: string;
  /** The number of the block that used it last: how a second line of the same name is noticed. */
  usedIn: number;
}

const maxNames = 1024;
const byName = new Map<string, CgiName>();
const byKey = new Map<string, CgiName>();

/** Forgets all when there are too many. Only between two blocks: within one, a name is one object. */
export function boundCgiNames(): void {
  if (byName.size < maxNames) return;
  byName.clear();
  byKey.clear();
}

/** "Accept", "accept" → the one object of HTTP_ACCEPT. */
export function cgiNameOf(name: string): CgiName {
  const found = byName.get(name);
  if (found !== undefined) return found;
  const key = flatCopy(`HTTP_${name.toUpperCase().replaceAll("-", "_")}`);
  let entry = byKey.get(key);
  if (entry === undefined) {
    entry = { key, prefix: flatCopy(`\0${key}\0`), usedIn: 0 };
    byKey.set(key, entry);
  }
  byName.set(flatCopy(name), entry);
  return entry;
}
