/** Where the requests of a route go: `rewrite`, `split`, `sticky`, `mirror`, errors and maintenance. */
import { z } from "zod";
import { durationMs } from "../scalars.ts";

const target = {
  app: z.string().optional().meta({ description: "Name of an entry in `apps`." }),
  upstream: z.string().optional().meta({ description: "Name of an entry in `upstreams`." }),
};

function oneTarget(
  { app, upstream }: { readonly app?: string | undefined; readonly upstream?: string | undefined },
  context: z.core.$RefinementCtx,
): void {
  if ((app === undefined) !== (upstream === undefined)) return;
  context.addIssue({ code: "custom", message: "Name one app or one upstream" });
}

export const trafficKeys = {
  split: z
    .array(
      z
        .strictObject({
          ...target,
          weight: z
            .number()
            .min(0)
            .max(1_000_000)
            .meta({
              description: "Share of the requests, in proportion to the other weights.",
              examples: [95],
            }),
        })
        .superRefine(oneTarget),
    )
    .min(2)
    .max(16)
    .refine((choices) => choices.some(({ weight }) => weight > 0), {
      error: "One weight at least must be above 0",
    })
    .optional()
    .meta({
      description: "Several apps or upstreams share the requests, by weight.",
    }),
  sticky: z
    .union(
      [
        z.boolean(),
        z.strictObject({
          cookie: z
            .string()
            .regex(/^[!#$%&'*+.^`|~0-9A-Za-z-]+$/, "Is no name of a cookie")
            .default("stack-split")
            .meta({ description: "Name of the cookie." }),
          maxAge: durationMs.optional().meta({
            description: "How long a visitor stays; without it until the browser is closed.",
          }),
        }),
      ],
      { error: 'Use true, or { cookie: "variant", maxAge: "30d" }' },
    )
    .optional()
    .meta({
      description:
        "With `split`: a visitor stays where the first request went, by a cookie the edge sets.",
    }),
  mirror: z
    .strictObject({
      ...target,
      share: z.number().gt(0).max(1).default(1).meta({
        description: "Part of the requests that is copied: 0.1 is one in ten.",
      }),
    })
    .superRefine(oneTarget)
    .optional()
    .meta({
      description:
        "A copy of requests goes here too; its answers are dropped, and it delays nothing.",
    }),
  rewrite: z
    .string()
    .regex(
      /^(?:\/|\{(?:path|rest)\})[\x21-\x7e\xa0-\uffff]*$/,
      'Begin with "/", "{path}" or "{rest}"',
    )
    .optional()
    .meta({
      description:
        "The path (and query) the app or upstream sees: `{path}`, `{rest}` (what `*` stood for, with its slash), `{query}` (with its `?`), `{host}`, and of a RegExp path `{1}` or `{name}`. A query that is not named stays.",
      examples: ["/v2{rest}"],
    }),
  replaceErrors: z.boolean().default(false).meta({
    description:
      "Pages of `edge.errorPages` also take the place of what the app or upstream says with such a status.",
  }),
  duringMaintenance: z.boolean().default(false).meta({
    description: "This route goes on answering during `stack maintenance`: a health check.",
  }),
};

export const errorPages = z
  .record(
    z.string().regex(/^(?:[45]\d\d|4xx|5xx)$/, 'Use a status like "404", or "4xx" or "5xx"'),
    z.string().min(1),
  )
  .default({})
  .meta({
    description:
      'Files shown in place of our own error pages: by status, or "4xx", "5xx" for the rest. A changed file is seen within a second.',
    examples: [{ 404: "./pages/404.html", 503: "./pages/busy.html" }],
  });
