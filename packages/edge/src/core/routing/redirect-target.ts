/**
 * Where a `redirect` route sends a client: its template with `{path}`, `{query}` (with its "?") and
 * `{host}` filled in. Compiled once per route. What a client sent can neither add a header line nor
 * move the target to another host.
 */

export interface RedirectRequest {
  /** Lower case, without port; "" when there is none. */
  readonly host: string;
  /** 0 when the Host named none. */
  readonly port: number;
  readonly path: string;
  readonly query: string;
  readonly hasQuery: boolean;
}

export function createRedirectTarget(template: string): (request: RedirectRequest) => string {
  const parts = template
    .split(/\{(path|query|host)\}/)
    // What the operator wrote is Unicode, what clients send is bytes.
    .map((text, index) => (index % 2 === 0 ? encodeURI(text).replaceAll("%25", "%") : text));
  const mayLeaveHost = /^[/\\]{2}/.test(template);
  return (request) => {
    let target = "";
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index] ?? "";
      target += index % 2 === 0 ? part : escapeLocation(partOf(request, part));
    }
    // "{path}" alone with "//evil.test" would be a target on another host (RFC 3986 §4.2), and
    // browsers read a backslash as a slash.
    if (!mayLeaveHost && /^[/\\]{2}/.test(target)) return `/${target.replace(/^[/\\]+/, "")}`;
    return target;
  };
}

/** Percent-encodes the bytes that may not stand in a URI or would end the header line. */
export function escapeLocation(latin1: string): string {
  return latin1.replace(
    /[^!#-;=?-[\]_a-z~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function partOf(request: RedirectRequest, part: string): string {
  if (part === "path") return request.path;
  if (part === "query") return request.hasQuery ? `?${request.query}` : "";
  return request.port === 0 ? request.host : `${request.host}:${request.port}`;
}
