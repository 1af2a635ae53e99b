/**
 * What a head must look like, as sticky expressions that are run once over the whole of it: in V8
 * the cheapest way to look at every byte. Each part can be matched in one way only, so a mismatch
 * costs no more than a match. Nothing here allows obs-fold, a bare CR or LF, NUL or another control
 * character, or white space around a name (RFC 9112 §2.2, §5.1, §5.2; RFC 9110 §5.5).
 */

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const fieldLines = `(?:${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*`;

/** Everything visible but "#", which a target cannot have (RFC 9112 §3.2), and bytes above 0x7f. */
const target = '[!"$-~\\x80-\\xff]+';

/** One empty line may come before the request line (RFC 9112 §2.2). */
const requestHead = new RegExp(
  `(?:\\r\\n)?${token} ${target} HTTP/1\\.[0-9]\\r\\n${fieldLines}\\r\\n`,
  "y",
);
const responseHead = new RegExp(
  `HTTP/1\\.[0-9] [1-5][0-9][0-9](?: [\\t\\x20-\\x7e\\x80-\\xff]*)?\\r\\n${fieldLines}\\r\\n`,
  "y",
);
const workerHead = new RegExp(
  `[1-5][0-9][0-9](?: [\\t\\x20-\\x7e\\x80-\\xff]*)?\\r\\n${fieldLines}`,
  "y",
);

/** The first line alone. */
const requestLine = new RegExp(`${token} ${target} HTTP/1\\.[0-9]\\r\\n`, "y");

/** Whether text[start, end) is the request line of HTTP/1.x, with its end. */
export function isRequestLine(text: string, start: number, end: number): boolean {
  return covers(requestLine, text, start, end);
}

/** Whether text[start, end) is a request head of HTTP/1.x, whole. */
export function isRequestHead(text: string, start: number, end: number): boolean {
  return covers(requestHead, text, start, end);
}

/** Whether text[start, end) is a response head of HTTP/1.x, whole. */
export function isResponseHead(text: string, start: number, end: number): boolean {
  return covers(responseHead, text, start, end);
}

/** Whether the text is a status without version and header lines, with no empty line after them. */
export function isWorkerHead(text: string): boolean {
  return covers(workerHead, text, 0, text.length);
}

function covers(expression: RegExp, text: string, start: number, end: number): boolean {
  expression.lastIndex = start;
  return expression.test(text) && expression.lastIndex === end;
}
