/**
 * Where a `redirect` route sends a client: its template filled in. What a client sent can neither
 * add a header line nor move the target to another host.
 */
import { compileTemplate, type Template, type TemplatePlace } from "./template.ts";

export function createRedirectTarget(template: string, place?: TemplatePlace): Template {
  const fill = compileTemplate(template, escapeTarget, place);
  const mayLeaveHost = /^[/\\]{2}/.test(template);
  return (request) => {
    const target = fill(request);
    // "{path}" alone with "//evil.test" would be a target on another host (RFC 3986 §4.2), and
    // browsers read a backslash as a slash.
    if (!mayLeaveHost && /^[/\\]{2}/.test(target)) return `/${target.replace(/^[/\\]+/, "")}`;
    return target;
  };
}

/** Percent-encodes the bytes that may not stand in a URI or would end the header line. */
export function escapeLocation(latin1: string): string {
  return latin1.replace(/[^!#-;=?-[\]_a-z~]/g, percentOf);
}

/** In the place of a host nothing may end it: "https://{1}.example.com". */
function escapeTarget(latin1: string, inAuthority: boolean): string {
  return inAuthority ? latin1.replace(/[^A-Za-z0-9.-]/g, percentOf) : escapeLocation(latin1);
}

function percentOf(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
