/** `host` and `path` of a route: exact, wildcard or prefix as text, or a RegExp. */
import { types } from "node:util";
import { setFlagsFromString } from "node:v8";
import { z } from "zod";
import { explainPattern } from "../../core/routing/path-pattern.ts";

const hostRule = 'Write the name alone, like "shop.example.com" or "*.example.com": no port';

export const routeHost = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|(\*\.)?[^\s:/*]+)$/, hostRule)
  .optional()
  .meta({
    description:
      'Only for this host name, without port; "*.example.com" is every name below it. Without it the route serves every host.',
    examples: ["shop.example.com", "*.example.com"],
  });

const pathRule = 'Use "/x" for exactly that path, "/x/*" for all below it, or a RegExp';

const writtenPath = z
  .string({ error: pathRule })
  .regex(/^\/([^*?#\s]*\/)?(\*|[^*?#\s]*)$/, pathRule);

const pattern = z
  .custom<RegExp>((value) => types.isRegExp(value), pathRule)
  .superRefine((value, context) => {
    setFlagsFromString("--enable-experimental-regexp-engine"); // for flag "l"
    const message = explainPattern(value.source, value.flags);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

export const routePath = z.union([writtenPath, pattern], { error: pathRule }).meta({
  description:
    '"/x" matches exactly that path, "/x/*" everything below "/x/" and "/x" itself; a RegExp (like `/^\\/v(\\d+)\\//`) is tried on the normalised path.',
  examples: ["/static/*"],
});
