/**
 * What a folder's listing shows: the names that a request could get, and of no more than a bounded
 * number of them.
 */
import type { Dirent } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { FolderListing, ListedEntry } from "../../core/static/folder-listing.ts";
import { findFolder, statBelow } from "./static-lookup.ts";

/** Read at most, and shown at most. */
const maxEntries = 1_000;

/** Asked of the disk at once. */
const batch = 16;

/** Undefined when it is no folder any more. */
export async function listFolder(
  root: string,
  relative: string,
): Promise<FolderListing | undefined> {
  const path = await findFolder(root, relative);
  if (path === undefined) return undefined;
  const names: Dirent[] = [];
  for await (const entry of await opendir(path, { bufferSize: 256 })) {
    // Hidden names, and those whose bytes are no UTF-8, cannot be asked for.
    if (entry.name.startsWith(".") || /[\\\ufffd]/.test(entry.name)) continue;
    names.push(entry);
    if (names.length > maxEntries) break;
  }
  const isCut = names.length > maxEntries;
  const entries: ListedEntry[] = [];
  for (let at = 0; at < Math.min(names.length, maxEntries); at += batch) {
    const some = names.slice(at, Math.min(at + batch, maxEntries));
    const found = await Promise.all(some.map((entry) => describe(entry, path, root, relative)));
    entries.push(...found.filter((entry) => entry !== undefined));
  }
  return { entries: entries.sort(byKindAndName), isCut };
}

async function describe(
  entry: Dirent,
  folder: string,
  root: string,
  relative: string,
): Promise<ListedEntry | undefined> {
  const { name } = entry;
  if (entry.isSymbolicLink()) {
    const facts = await statBelow(root, relative === "" ? name : `${relative}/${name}`);
    return facts === undefined ? undefined : { name, ...facts };
  }
  const facts = await lstat(join(folder, name)).catch(() => undefined);
  if (facts === undefined || !(facts.isFile() || facts.isDirectory())) return undefined;
  const isFolder = facts.isDirectory();
  return { name, isFolder, size: isFolder ? 0 : facts.size, mtimeMs: facts.mtimeMs };
}

function byKindAndName(one: ListedEntry, other: ListedEntry): number {
  if (one.isFolder !== other.isFolder) return one.isFolder ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}
