/**
 * What is known of one file: its description, and its content when it is small. Content that was
 * read is compared with the file that was found, so that no mixture of two versions is kept.
 */
import { read } from "node:fs";
import { promisify } from "node:util";
import type { KeptFields } from "../../core/internal/internal-target.ts";
import {
  describeCoded,
  type StaticDescription,
  type StaticRepresentation,
} from "../../core/static/static-answer.ts";
import type { PreparedAnswer } from "../exchange.ts";
import { closeQuietly, type FoundFile, identityOfOpen, openFound } from "./static-lookup.ts";

/** Files up to this size are kept in memory. */
export const hotBytes = 256 * 1024;

const readFrom = promisify(read);

/** A file, or a coded variant of it: what one answer needs. */
export interface StaticContent {
  readonly file: FoundFile;
  readonly representation: StaticRepresentation;
  /** The same for everyone: its answer is prepared once a second. */
  readonly isShared: boolean;
  /** A coded variant that lay beside its file. */
  readonly isFound: boolean;
  /** Bytes of this variant. */
  readonly size: number;
  /** The whole content; undefined for a file to be streamed. */
  body: Buffer | undefined;
  prepared: PreparedAnswer | undefined;
  /** The second of its Date. */
  preparedSecond: number;
}

export function makeContent(
  file: FoundFile,
  representation: StaticRepresentation,
  body: Buffer | undefined,
): StaticContent {
  const size = body?.length ?? file.size;
  return {
    file,
    representation,
    isShared: true,
    isFound: false,
    size,
    body,
    prepared: undefined,
    preparedSecond: 0,
  };
}

/** A variant of an entry that was made here; the entry's own content where it is no shorter. */
export function codedContent(
  entry: StaticContent & { readonly description: StaticDescription },
  encoding: string,
  coded: Buffer,
): StaticContent {
  if (coded.length >= entry.size) return entry;
  const representation = describeCoded({ ...entry.description, encoding }, entry.representation);
  return makeContent(entry.file, representation, coded);
}

/** The same content as an app describes it. It is served from here, but not kept. */
export function describedBy(content: StaticContent, kept: KeptFields): StaticContent {
  const { representation } = content;
  const own = kept.hasLifetime
    ? (text: string) => text.replace(/^(?:cache-control|expires):[^\r\n]*\r\n/gim, "")
    : (text: string) => text;
  const lines = own(representation.lines) + kept.lines;
  const typeLine = kept.type === "" ? `Content-Type: ${representation.type}\r\n` : kept.type;
  return {
    ...content,
    isShared: false,
    representation: {
      ...representation,
      type: typeLine.slice(typeLine.indexOf(":") + 1).trim(),
      lines,
      fields: typeLine + lines,
      validators: own(representation.validators) + kept.lines,
    },
  };
}

/** All of a file, or undefined when it changed meanwhile. */
export async function readSmall(file: FoundFile): Promise<Buffer | undefined> {
  const fd = await openFound(file);
  if (fd === undefined) return undefined;
  try {
    const body = Buffer.allocUnsafeSlow(file.size);
    let length = 0;
    while (length < file.size) {
      const { bytesRead } = await readFrom(fd, body, length, file.size - length, length);
      if (bytesRead === 0) return undefined;
      length += bytesRead;
    }
    return (await identityOfOpen(fd)) === file.identity ? body : undefined;
  } finally {
    closeQuietly(fd);
  }
}
