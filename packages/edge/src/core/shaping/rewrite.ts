/** `rewrite`: the path and query that an app or upstream sees in place of the client's. */
import { maxTargetBytes, normalisePath, type RequestHead } from "@stack/protocols";
import { compileTemplate, type TemplatePlace } from "../routing/template.ts";

/**
 * Changes `head` in place. Its `target` stays what the client sent.
 *
 * @returns 0, or the status to refuse the request with
 */
export type Rewrite = (head: RequestHead) => number;

export function createRewrite(template: string, place: TemplatePlace): Rewrite {
  const fill = compileTemplate(template, encodeInPath, place);
  const saysQuery = /\?|\{query\}/.test(template);
  return (head) => {
    const filled = fill(head);
    const target = filled.startsWith("/") ? filled : `/${filled}`; // "{rest}" of "/x" alone is empty
    if (target.length > maxTargetBytes) return 414;
    const question = target.indexOf("?");
    const path = normalisePath(question < 0 ? target : target.slice(0, question));
    if (!path.startsWith("/")) return 400; // refused, as it would be if a client had sent it
    head.path = path;
    if (saysQuery) {
      head.hasQuery = question >= 0;
      head.query = question < 0 ? "" : target.slice(question + 1);
    }
    head.lineIsPlain = false;
    return 0;
  };
}

/** Values come from a parsed head: nothing in them can end a line, but a blank could. */
function encodeInPath(value: string): string {
  return value.replace(
    /[\0-\x20\x7f]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
