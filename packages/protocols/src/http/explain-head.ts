/** Why a head that the grammar refused is no head, and with which status a client hears of it. */
import { isToken } from "./characters.ts";
import { hasBareLineFeed } from "./find-head-end.ts";

export interface Refusal {
  readonly status: number;
  /** Plain words, no bytes of the peer. */
  readonly problem: string;
}

/** For a request; `start` is after the empty line that may precede it, `end` after the one that ends it. */
export function explainRequestHead(text: string, start: number, end: number): Refusal {
  // First, because `findHeadEnd` may see it before the head is whole: the answer must be the same.
  if (hasBareLineFeed(text, start, start, end)) {
    return { status: 400, problem: "a line ends in LF alone" };
  }
  const lineEnd = text.indexOf("\r\n", start);
  const line = text.slice(start, lineEnd);
  const methodEnd = line.indexOf(" ");
  if (methodEnd < 0 || !isToken(line, 0, methodEnd)) {
    return { status: 400, problem: "the request line does not start with a method" };
  }
  const targetEnd = line.lastIndexOf(" ");
  if (targetEnd === methodEnd) return { status: 400, problem: "the request line has no version" };
  const version = line.slice(targetEnd + 1);
  if (!/^HTTP\/\d\.\d$/.test(version)) return { status: 400, problem: "the version is malformed" };
  if (!version.startsWith("HTTP/1.")) {
    return { status: 505, problem: "only HTTP/1.x is spoken here" };
  }
  const target = line.slice(methodEnd + 1, targetEnd);
  if (target.includes("#")) return { status: 400, problem: "the target has a fragment" };
  if (!/^[!-~\x80-\xff]+$/.test(target)) {
    return { status: 400, problem: "the target has a character that must be encoded" };
  }
  return { status: 400, problem: explainLines(text, lineEnd + 2, end - 2) };
}

/** What is wrong with the header lines in text[start, end). */
export function explainLines(text: string, start: number, end: number): string {
  for (let at = start; at < end; ) {
    const until = text.indexOf("\r\n", at);
    const line = text.slice(at, until < 0 || until > end ? end : until);
    if (/^[\t ]/.test(line)) return "a folded header line";
    const colon = line.indexOf(":");
    if (colon > 0 && /[\t ]$/.test(line.slice(0, colon))) {
      return "white space before the colon of a header";
    }
    if (!isToken(line, 0, colon)) return "a header name is not a token followed by a colon";
    if (/[^\t\x20-\x7e\x80-\xff]/.test(line)) return "a control character in a header value";
    at += line.length + 2;
  }
  return "a line does not end in CRLF";
}
