/**
 * What a folder's listing shows: the names that a request could get, and of no more than a bounded
 * number of them.
 */
import { opendir } from "node:fs/promises";
import type { FolderListing, ListedEntry } from "../../core/static/folder-listing.ts";
import { findFolder, statBelow } from "./static-lookup.ts";

/** Read at most, and shown at most. */
const maxEntries = 2_000;

/** Undefined when it is no folder any more. */
export async function listFolder(
  root: string,
  relative: string,
): Promise<FolderListing | undefined> {
  const path = await findFolder(root, relative);
  if (path === undefined) return undefined;
  const entries: ListedEntry[] = [];
  let isCut = false;
  for await (const { name } of await opendir(path, { bufferSize: 256 })) {
    // Hidden names, and those whose bytes are no UTF-8, cannot be asked for.
    if (name.startsWith(".") || /[\\\ufffd]/.test(name)) continue;
    if (entries.length >= maxEntries) {
      isCut = true;
      break;
    }
    const facts = await statBelow(root, relative === "" ? name : `${relative}/${name}`);
    if (facts !== undefined) entries.push({ name, ...facts });
  }
  return { entries: entries.sort(byKindAndName), isCut };
}

function byKindAndName(one: ListedEntry, other: ListedEntry): number {
  if (one.isFolder !== other.isFolder) return one.isFolder ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}
