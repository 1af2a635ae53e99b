/** `static` of a route: files of a folder. */
import { z } from "zod";
import { onlyFields } from "./placeholders.ts";
import { durationMs } from "./scalars.ts";

/** Fields that an answer gets from the edge itself: framing, validators, what names the body. */
const ownFields =
  /^(?:connection|content-(?:encoding|length|range)|date|etag|keep-alive|last-modified|trailer|transfer-encoding|upgrade)$/i;

export const staticSchema = z
  .strictObject({
    root: z.string().min(1).meta({
      description:
        "Folder of the files; the part of the path below the route's prefix is looked up in it.",
    }),
    index: z
      .array(z.string().regex(/^[^/.][^/]*$/, "Write the name of a file, like index.html"))
      .max(8)
      .default(["index.html"])
      .meta({ description: "Names tried, in turn, for a path that ends in a slash." }),
    tryFiles: z
      .array(
        z
          .string()
          .regex(/^(?:\/|\{path\})/, 'Begin with "/" or "{path}"')
          .superRefine(onlyFields(["path"])),
      )
      .max(8)
      .default([])
      .meta({
        description:
          "Looked up below the root in turn, in place of the path alone; `{path}` is the path below the route's prefix, a final slash means the folder's index.",
        examples: [["{path}", "{path}.html", "{path}/"]],
      }),
    fallback: z
      .string()
      .regex(/^\/[^?#]*[^/?#]$/, 'Write the path of a file below the root, like "/index.html"')
      .optional()
      .meta({
        description:
          "File that answers, with 200 and `Cache-Control: no-cache`, where nothing else is found: for single-page apps.",
        examples: ["/index.html"],
      }),
    listing: z.boolean().default(false).meta({
      description:
        "Answer for a folder without an index with the names in it, as HTML or (by Accept) as JSON.",
    }),
    precompressed: z.boolean().default(false).meta({
      description:
        "Send `FILE.br`, `FILE.zst` or `FILE.gz` in place of FILE where the client accepts it and it is not older than FILE.",
    }),
    types: z
      .record(
        z
          .string()
          .regex(/^[a-z0-9+_-]+$/, 'Write the extension in lower case, without a dot: "md"'),
        z.string().regex(/^[\w.+-]+\/[\w.+-]+(?:; ?[\w.+-]+=[\w.+"-]+)*$/, 'Use "text/markdown"'),
      )
      .default({})
      .meta({
        description: "Content types by extension, before the built-in ones.",
        examples: [{ md: "text/markdown; charset=utf-8" }],
      }),
    maxAge: durationMs.optional().meta({
      description: "How long a client may use its copy unasked: `Cache-Control: max-age`.",
      examples: ["1y"],
    }),
    immutable: z.boolean().default(false).meta({
      description: "The content of a name never changes: `immutable` is added to Cache-Control.",
    }),
    headers: z
      .record(
        z.string().regex(/^[A-Za-z0-9!#$%&'*+.^|~-]+$/, "Write a header name"),
        z.string().regex(/^[\t\x20-\x7e]*$/, "Only printable ASCII may stand in a header"),
      )
      .default({})
      .meta({
        description: "More header lines of every answer with a file.",
        examples: [{ "Access-Control-Allow-Origin": "*" }],
      }),
  })
  .superRefine((files, context) => {
    if (files.immutable && files.maxAge === undefined) {
      context.addIssue({
        code: "custom",
        path: ["immutable"],
        message: 'says nothing without a lifetime; add maxAge: "1y"',
      });
    }
    for (const name of Object.keys(files.headers)) {
      const isTwice = /^cache-control$/i.test(name) && files.maxAge !== undefined;
      if (!ownFields.test(name) && !isTwice) continue;
      context.addIssue({
        code: "custom",
        path: ["headers", name],
        message: isTwice ? "maxAge sets it already; remove one" : "is set by the edge; remove it",
      });
    }
  });
