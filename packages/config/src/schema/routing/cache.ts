/** `cache` of a route: what of its answers is kept, under which key, and how long when stale. */
import { z } from "zod";
import { bytes, durationMs } from "../scalars.ts";

const names = (what: string, name: RegExp) =>
  z.array(z.string().regex(name, `Is no name of a ${what}`)).max(32);
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerNames = names("header", token).default([]);
const cookieNames = names("cookie", token).default([]);

const key = z
  .strictObject({
    host: z.boolean().default(true).meta({
      description: "Each host has its own answers; `false`: all hosts share them.",
    }),
    query: z
      .union([z.literal(["all", "sorted"]), names("parameter", /^[^&=#\s]+$/)], {
        error: 'Use "all", "sorted" or a list of names like ["page"]',
      })
      .default("all")
      .meta({
        description:
          'Part of the query: "all" as it is written, "sorted" in whatever order, or only the parameters named.',
        examples: [["page", "sort"]],
      }),
    headers: headerNames.meta({
      description: "Request headers whose values have answers of their own.",
      examples: [["accept-language"]],
    }),
    cookies: cookieNames.meta({
      description: "Cookies whose values have answers of their own.",
      examples: [["currency"]],
    }),
  })
  .prefault({})
  .meta({ description: "Which requests share an answer, besides method and path." });

const bypass = z
  .strictObject({
    cookies: cookieNames.meta({
      description: "With one of these cookies a request goes past the cache.",
      examples: [["session"]],
    }),
    headers: headerNames.meta({
      description: "With one of these headers a request goes past the cache.",
    }),
  })
  .prefault({})
  .meta({ description: "Requests that are neither answered from the cache nor fill it." });

export const routeCacheSchema = z
  .strictObject({
    mode: z.literal(["http", "force", "off"]).default("http").meta({
      description:
        '"http": the headers of the answer rule (RFC 9111). "force": answers that say nothing about it are kept for `ttl`, and the app sees nothing of a request that is not in the key. "off": nothing is kept.',
    }),
    ttl: durationMs.optional().meta({
      description:
        'How long answers are kept that do not say so themselves, with mode "force" only; 1s if not said.',
      examples: ["10s"],
    }),
    key,
    bypass,
    methods: z
      .array(z.literal(["GET", "HEAD"]))
      .min(1)
      .default(["GET", "HEAD"])
      .meta({ description: "Methods that are answered from the cache." }),
    negativeTtl: durationMs.optional().meta({
      description: "How long 404, 405, 410 and 501 that say nothing about it are kept.",
      examples: ["5s"],
    }),
    maxBytes: bytes.prefault("1mb").meta({
      description: "Answers with a longer body are passed on and not kept.",
    }),
    staleWhileRevalidate: durationMs.optional().meta({
      description:
        "How long after its end an answer is still given while a new one is fetched, where it does not say itself.",
      examples: ["30s"],
    }),
    staleIfError: durationMs.optional().meta({
      description:
        "How long after its end an answer is still given in place of an error, where it does not say itself.",
      examples: ["10m"],
    }),
    staleWhileDown: durationMs.optional().meta({
      description:
        "How long after its end an answer is still given, at once, while no worker of the app is ready.",
      examples: ["1h"],
    }),
    storeSetCookie: z.boolean().default(false).meta({
      description:
        "Keep answers that set a cookie: everybody gets that cookie. Only for cookies that say nothing about anybody.",
    }),
    status: z.boolean().default(true).meta({
      description: "Say in `Cache-Status` (RFC 9211) what the cache did.",
    }),
  })
  .superRefine((cache, context) => {
    if (cache.ttl !== undefined && cache.mode !== "force") {
      context.addIssue({
        code: "custom",
        path: ["ttl"],
        message: 'only counts with mode "force"; in mode "http" the answers say how long',
      });
    }
  })
  .optional()
  .meta({
    description: "Keep answers of the app or upstream. Without it nothing is kept.",
    examples: [{ mode: "http" }, { mode: "force", ttl: "1s" }],
  });
