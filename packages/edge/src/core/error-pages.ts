/**
 * The pages a visitor sees when there is no answer to pass on: what happened in plain words, what
 * to do, never a trace or an inner name. They depend on nothing of the request but its Accept.
 */
import { reasonOf } from "@stack/protocols";

interface ErrorPage {
  /** "Bad Gateway" */
  readonly phrase: string;
  /** Header lines without Content-Length, each ended by CRLF. */
  readonly fields: string;
  readonly body: string;
}

export interface ErrorPages {
  /**
   * @param detail a few words of ours ("no worker became free in 30s"); "" for none
   * @param retryAfterS for 503 and 429; 0 for none
   */
  readonly page: (
    status: number,
    detail: string,
    asHtml: boolean,
    retryAfterS?: number,
  ) => ErrorPage;
  /** The operator's own page for a status; undefined where there is none. */
  readonly own: (status: number) => ErrorPage | undefined;
}

/** A page of the operator's: `edge.errorPages`. */
export interface OwnPage {
  readonly type: string;
  /** latin-1: one character per byte. */
  readonly body: string;
}

export interface OwnPages {
  readonly of: (status: number) => OwnPage | undefined;
}

/** Details come from a fixed set of texts; this bounds the pages kept should one ever vary. */
const keptPages = 256;

/** Keeps the pages it made: an error under load costs one look-up. */
export function createErrorPages(ownPages: OwnPages = noPages): ErrorPages {
  const kept = new Map<string, ErrorPage>();
  return {
    own(status) {
      const own = ownPages.of(status);
      return own === undefined ? undefined : formatOwnPage(status, own, 0);
    },
    page(status, detail, asHtml, retryAfterS = 0) {
      const own = ownPages.of(status);
      if (own !== undefined) return formatOwnPage(status, own, retryAfterS);
      const key = `${status} ${asHtml} ${retryAfterS} ${detail}`;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const made = formatErrorPage(status, detail, asHtml, retryAfterS);
      if (kept.size >= keptPages) kept.clear();
      kept.set(key, made);
      return made;
    },
  };
}

const noPages: OwnPages = { of: () => undefined };

function formatOwnPage(status: number, page: OwnPage, retryAfterS: number): ErrorPage {
  return {
    phrase: phraseOf(status),
    fields: `Content-Type: ${page.type}\r\n${commonFields(retryAfterS)}`,
    body: page.body,
  };
}

function phraseOf(status: number): string {
  return reasonOf(status) || (status >= 500 ? "Server Error" : "Error");
}

function commonFields(retryAfterS: number): string {
  const retryAfter = retryAfterS > 0 ? `Retry-After: ${Math.ceil(retryAfterS)}\r\n` : "";
  return `Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n${retryAfter}`;
}

/**
 * Whether an Accept value asks for HTML in so many words, as browsers do; `*` and `text/*` are
 * content with plain text, and so is who says nothing.
 */
export function asksForHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return /(?:^|,)\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i.test(
    accept,
  );
}

function formatErrorPage(
  status: number,
  detail: string,
  asHtml: boolean,
  retryAfterS: number,
): ErrorPage {
  const phrase = phraseOf(status);
  const advice = advices[status] ?? (status >= 500 ? serverAdvice : clientAdvice);
  const common = commonFields(retryAfterS);
  if (!asHtml) {
    return {
      phrase,
      fields: `Content-Type: text/plain; charset=utf-8\r\n${common}`,
      body: `${status} ${phrase}\n${advice}\n${detail === "" ? "" : `Reason: ${detail}.\n`}`,
    };
  }
  return {
    phrase,
    fields: `Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n${common}`,
    body: htmlPage(`${status} ${phrase}`, advice, detail),
  };
}

function htmlPage(title: string, advice: string, detail: string): string {
  const reason = detail === "" ? "" : `\n<p><small>Reason: ${escapeHtml(detail)}.</small></p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem }
</style>
</head>
<body>
<h1>${title}</h1>
<p>${advice}</p>${reason}
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const clientAdvice = "This request cannot be answered as it was sent.";
const serverAdvice = "Something went wrong on the server. It is not your fault; please try again.";

const advices: Readonly<Record<number, string>> = {
  400: "The server could not understand this request.",
  403: "You may not see this page.",
  404: "There is nothing at this address.",
  405: "This address does not do what was asked of it.",
  408: "The request took too long to arrive. Please try again.",
  413: "What was sent is larger than this server accepts.",
  414: "This address is too long.",
  417: "The server cannot do what this request expects.",
  421: "This request reached the wrong server.",
  429: "Too many requests. Please wait a moment and try again.",
  431: "The headers of this request are too large. Deleting this site's cookies may help.",
  501: "The server does not know how to do this.",
  502: "The application did not give a usable answer. Please try again.",
  503: "The server is busy or being restarted. Please try again in a moment.",
  504: "The application took too long to answer. Please try again.",
  505: "The server does not speak this version of HTTP.",
};
