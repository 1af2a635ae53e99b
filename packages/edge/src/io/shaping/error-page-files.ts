/**
 * `edge.errorPages`: files kept in memory, read when a plan is taken up and again when they change.
 * A file that went away keeps its last content: an error page must not fail.
 */
import { readFileSync, type Stats, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { OwnPage, OwnPages } from "../../core/error-pages.ts";

export interface ErrorPageFiles extends OwnPages {
  /** Takes up another plan. */
  readonly load: (files: Readonly<Record<string, string>> | undefined) => void;
  /** By the tick: looks at the files about once a second. */
  readonly check: (nowMs: number) => void;
}

interface PageFile {
  readonly file: string;
  seen: string;
  page: OwnPage;
}

const lookMs = 500;
const mostBytes = 1024 * 1024;

export function createErrorPageFiles(onProblem: (text: string) => void): ErrorPageFiles {
  let pages = new Map<string, PageFile>();
  let lookedAt = 0;
  let isLooking = false;

  async function renew(one: PageFile): Promise<void> {
    const found = await stat(one.file);
    if (identityOf(found) === one.seen || !isUsable(found)) return;
    const content = await readFile(one.file);
    one.seen = identityOf(found);
    one.page = pageOf(one.file, content);
  }

  async function look(): Promise<void> {
    isLooking = true;
    // One that went away, or cannot be read for a moment, stays as it was.
    await Promise.allSettled([...pages.values()].map(renew));
    isLooking = false;
  }

  return {
    of(status) {
      if (pages.size === 0) return undefined;
      const one = pages.get(String(status)) ?? pages.get(status < 500 ? "4xx" : "5xx");
      return one?.page;
    },
    load(files) {
      pages = new Map();
      for (const [status, file] of Object.entries(files ?? {})) {
        try {
          const found = statSync(file);
          if (!isUsable(found)) throw new Error("it is no file, or larger than 1 MB");
          const page = pageOf(file, readFileSync(file));
          pages.set(status, { file, seen: identityOf(found), page });
        } catch (error) {
          onProblem(`error page ${file} is not used: ${(error as Error).message}`);
        }
      }
    },
    check(nowMs) {
      if (pages.size === 0 || isLooking || nowMs - lookedAt < lookMs) return;
      lookedAt = nowMs;
      void look(); // never rejects
    },
  };
}

function isUsable(found: Stats): boolean {
  return found.isFile() && found.size <= mostBytes;
}

function identityOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}

function pageOf(file: string, content: Buffer): OwnPage {
  const extension = file.slice(file.lastIndexOf(".") + 1).toLowerCase();
  return { type: types[extension] ?? "text/html; charset=utf-8", body: content.toString("latin1") };
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  json: "application/json",
  xml: "application/xml; charset=utf-8",
};
