/**
 * An HTTP/2 request as the HTTP/1.1 head that says the same, so that one parser judges both: what it
 * refuses there it refuses here. Before that stands what only HTTP/2 can get wrong (RFC 9113 §8.2,
 * §8.3): such a request is malformed, its stream is reset and no application hears of it.
 */

export type RequestText =
  | { readonly kind: "head"; readonly text: string }
  /** Malformed: RST_STREAM with PROTOCOL_ERROR (RFC 9113 §8.1.1). */
  | { readonly kind: "malformed"; readonly problem: string }
  /** Well-formed, and still not to be answered. */
  | { readonly kind: "refused"; readonly status: number; readonly problem: string };

/** A token without upper-case letters (RFC 9113 §8.2.1). */
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 3986 §3.2, without a user (RFC 9113 §8.3.1); what it is worth as a Host is judged with the head. */
const authorityText = /^[A-Za-z0-9\-._~!$&'()*+,;=:%[\]]+$/;
/** Control characters (RFC 9110 §5.5), or white space at either end (RFC 9113 §8.2.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const badValue = /[\x00-\x08\x0a-\x1f\x7f]|^[\t ]|[\t ]$/;
/** RFC 9113 §8.2.2: they speak of a connection that HTTP/2 does not have. */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const pseudoFields: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path"]);

/**
 * @param fields name, value, name, value …, in the order received, latin-1
 * @param endsHere the request has no body
 */
export function formatRequestText(fields: readonly string[], endsHere: boolean): RequestText {
  const pseudo = new Map<string, string>();
  let host: string | undefined;
  let length: string | undefined;
  let cookies: string | undefined;
  let lines = "";
  let regular = false;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    if (badValue.test(value)) return malformed("a field value with characters it may not have");
    if (name.startsWith(":")) {
      if (regular) return malformed("a pseudo-header field after a regular one");
      if (!pseudoFields.has(name)) return malformed("an unknown pseudo-header field");
      if (pseudo.has(name)) return malformed("a pseudo-header field twice");
      pseudo.set(name, value);
      continue;
    }
    regular = true;
    if (!fieldName.test(name)) return malformed("a field name with characters it may not have");
    if (connectionFields.has(name)) return malformed("a connection-specific field");
    if (!isTeAllowed(name, value)) return malformed("TE may only say trailers");
    if (name === "host") {
      if (host !== undefined) return malformed("more than one Host");
      host = value;
    } else if (name === "cookie") {
      cookies = cookies === undefined ? value : `${cookies}; ${value}`; // RFC 9113 §8.2.3
    } else {
      if (name === "content-length") {
        if (length !== undefined) return malformed("more than one Content-Length");
        if (!/^[0-9]+$/.test(value)) return malformed("Content-Length is not a number");
        length = value;
      }
      lines += `${name}: ${value}\r\n`;
    }
  }
  if (endsHere && length !== undefined && !/^0+$/.test(length)) {
    return malformed("a Content-Length without a body");
  }
  if (cookies !== undefined) lines += `cookie: ${cookies}\r\n`;
  return withRequestLine(pseudo, host, lines);
}

/** Whether fields may stand after a body (RFC 9113 §8.1): there are no pseudo-fields among them. */
export function isTrailer(fields: readonly string[]): boolean {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    if (!fieldName.test(name) || connectionFields.has(name)) return false;
    if (badValue.test(value) || !isTeAllowed(name, value)) return false;
  }
  return true;
}

/** RFC 9113 §8.2.2. */
function isTeAllowed(name: string, value: string): boolean {
  return name !== "te" || value.toLowerCase() === "trailers";
}

function withRequestLine(
  pseudo: ReadonlyMap<string, string>,
  host: string | undefined,
  lines: string,
): RequestText {
  const method = pseudo.get(":method");
  if (method === undefined || !token.test(method)) return malformed("no method");
  const path = pseudo.get(":path");
  const scheme = pseudo.get(":scheme")?.toLowerCase();
  if (method === "CONNECT" && path === undefined && scheme === undefined) {
    return refused(405, "CONNECT is refused"); // RFC 9113 §8.5; with them it is none
  }
  if (method === "CONNECT") return malformed("CONNECT with a path");
  if (scheme === undefined || path === undefined || path === "") {
    return malformed("a pseudo-header field is missing");
  }
  if (scheme !== "https" && scheme !== "http") return refused(400, "the scheme is not http");
  if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS")) {
    return malformed("the path does not begin with a slash");
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a target cannot have them
  if (/[\x00-\x20\x7f]/.test(path)) return malformed("the path has white space");
  const authority = pseudo.get(":authority");
  // RFC 9113 §8.3.1: a Host that says otherwise is an attempt to be two requests at once.
  if (authority !== undefined && host !== undefined && !isSame(authority, host, scheme)) {
    return refused(400, ":authority and Host differ");
  }
  const named = authority ?? host;
  if (named === undefined || !authorityText.test(named)) return malformed("no authority");
  return {
    kind: "head",
    text: `${method} ${path} HTTP/1.1\r\nhost: ${named}\r\n${lines}\r\n`,
  };
}

/** RFC 3986 §6.2.2.1, §6.2.3: whatever the case, and with or without the port of the scheme. */
function isSame(one: string, other: string, scheme: "http" | "https"): boolean {
  if (one === other) return true;
  const port = scheme === "https" ? /:443$/ : /:80$/;
  return one.toLowerCase().replace(port, "") === other.toLowerCase().replace(port, "");
}

function malformed(problem: string): RequestText {
  return { kind: "malformed", problem };
}

function refused(status: number, problem: string): RequestText {
  return { kind: "refused", status, problem };
}
