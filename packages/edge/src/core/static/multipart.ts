/** Several ranges in one answer: multipart/byteranges (RFC 9110 §14.6). Pure. */
import { type BytePart, formatContentRange } from "@stack/protocols";

export interface MultipartBody {
  /** The Content-Type line of the answer. */
  readonly typeLine: string;
  /** What stands before each part's bytes, in their order. */
  readonly segments: readonly {
    readonly before: string;
    readonly first: number;
    readonly last: number;
  }[];
  readonly end: string;
  /** Bytes of all of it. */
  readonly length: number;
}

/**
 * @param type of the file
 * @param size of the file, in bytes
 * @param boundary that nobody who wrote the file could know
 */
export function planMultipart(
  parts: readonly BytePart[],
  type: string,
  size: number,
  boundary: string,
): MultipartBody {
  const end = `\r\n--${boundary}--\r\n`;
  let length = end.length;
  const segments = parts.map((part) => {
    const range = formatContentRange(part, size);
    const before = `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${range}\r\n\r\n`;
    length += before.length + part.last + 1 - part.first;
    return { before, first: part.first, last: part.last };
  });
  const typeLine = `Content-Type: multipart/byteranges; boundary=${boundary}\r\n`;
  return { typeLine, segments, end, length };
}

/** All of it, of what is in memory. */
export function joinParts(plan: MultipartBody, body: Buffer): Buffer {
  const pieces = plan.segments.flatMap(({ before, first, last }) => [
    Buffer.from(before, "latin1"),
    body.subarray(first, last + 1),
  ]);
  return Buffer.concat([...pieces, Buffer.from(plan.end, "latin1")], plan.length);
}
