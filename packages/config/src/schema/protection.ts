/** What keeps a route from too much and from the wrong people: limits, addresses, logins, headers. */
import { parseBytes } from "@stack/base";
import { z } from "zod";
import { durationMs } from "./scalars.ts";

const fieldName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^`|~-]+$/, "Use the name of a header");

const key = z
  .union(
    [
      z.enum(["ip", "route"]),
      z.strictObject({
        header: fieldName.meta({ description: "Name of the header.", examples: ["X-Api-Key"] }),
      }),
      z.strictObject({
        cookie: z
          .string()
          .regex(/^[^\s;=,"]+$/, "Use the name of a cookie")
          .meta({ description: "Name of the cookie.", examples: ["session"] }),
      }),
    ],
    { error: 'Use "ip", "route", { header: "X-Api-Key" } or { cookie: "session" }' },
  )
  .default("ip")
  .meta({
    description:
      'What is counted: "ip" (the client\'s address, IPv6 by /64), "route" (all together), or the value of a header or cookie; who has none counts by address.',
  });

const periodsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** "100/s" as a count and a period. */
const rate = z
  .string()
  .transform((text, context) => {
    const match = /^([1-9]\d{0,5})\/(s|m|h|d)$/.exec(text);
    const periodMs = periodsMs[match?.[2] ?? ""];
    if (match !== null && periodMs !== undefined) return { count: Number(match[1]), periodMs };
    context.addIssue({
      code: "custom",
      message: `${JSON.stringify(text)} is no rate. Use "100/s", "30/m", "1000/h" or "5000/d", at most 999999`,
    });
    return z.NEVER;
  })
  .meta({ title: "rate" });

/** The memory of a limit ends after this long: a burst must be over before. */
const longestBurstMs = 5 * 86_400_000;

const rateLimit = z
  .strictObject({
    key,
    rate: rate.meta({
      description: "How many requests per second (s), minute (m), hour (h) or day (d).",
      examples: ["100/s"],
    }),
    burst: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .meta({
        description:
          "How many may come at once, after a pause. Without it as many as the rate allows in a second, at least 1.",
        examples: [50],
      }),
    dryRun: z.boolean().default(false).meta({
      description: "Count what would be refused in the metrics, and refuse nothing.",
    }),
  })
  .superRefine(({ rate, burst }, context) => {
    if (rate === undefined || burst === undefined) return;
    if ((rate.periodMs / rate.count) * burst <= longestBurstMs) return;
    context.addIssue({
      code: "custom",
      path: ["burst"],
      message: "it takes more than five days to earn this burst at this rate; lower it",
    });
  });

/** One of `forward` and `basic`: `core/check-protection.ts` sees to it. */
const auth = z.strictObject({
  forward: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "Name of the app or upstream that is asked before each request.",
      examples: ["login"],
    }),
  path: z
    .string()
    .regex(/^\/[^\s?#]*(\?[^\s#]*)?$/, 'Use a path like "/auth"')
    .default("/")
    .meta({
      description: "Path it is asked for, by GET, with the headers of the request.",
      examples: ["/auth"],
    }),
  copy: z
    .array(fieldName)
    .default([])
    .meta({
      description:
        "Headers of its answer that the request takes along; a client cannot send these itself.",
      examples: [["X-User"]],
    }),
  timeout: durationMs.prefault("10s").meta({
    description: "How long it may take; beyond: 504.",
  }),
  basic: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .meta({
          description:
            "Users and hashed passwords, as `htpasswd` writes them (bcrypt, apr1, SHA-1, SHA-256, SHA-512). Read again when it changes.",
          examples: ["admin.htpasswd"],
        }),
      realm: z
        .string()
        .regex(/^[\x20-\x7e]{1,100}$/, "Use up to 100 printable ASCII characters")
        .default("Restricted")
        .meta({ description: "What a browser calls the place when it asks for a password." }),
    })
    .optional()
    .meta({
      description: "Ask for a name and a password of a file, in place of `forward`.",
      examples: [{ file: "admin.htpasswd" }],
    }),
});

const networks = z.array(z.string()).min(1).optional();

const securitySchema = z.enum(["strict", "same-origin"]);

export const protectionKeys = {
  allow: networks.meta({
    description: "Addresses (CIDR) that may come; all others get 403.",
    examples: [["10.0.0.0/8", "2001:db8::/32"]],
  }),
  deny: networks.meta({
    description: "Addresses (CIDR) that get 403, also where `allow` names them.",
    examples: [["192.0.2.0/24"]],
  }),
  rateLimit: rateLimit
    .optional()
    .meta({ description: "Requests beyond a rate get 429 with Retry-After." }),
  inFlight: z
    .strictObject({
      key,
      limit: z
        .int()
        .min(1)
        .meta({
          description: "How many may be under way at once, queueing included.",
          examples: [10],
        }),
    })
    .optional()
    .meta({ description: "Requests beyond so many at once get 429." }),
  bandwidth: z
    .string()
    .transform((text, context) => {
      const value = text.endsWith("/s") ? parseBytes(text.slice(0, -"/s".length)) : undefined;
      if (value !== undefined && value >= 1024) return value;
      context.addIssue({
        code: "custom",
        message: `${JSON.stringify(text)} is no bandwidth. Use "1mb/s" or "64kb/s", at least "1kb/s"`,
      });
      return z.NEVER;
    })
    .optional()
    .meta({
      title: "bandwidth",
      description: "How fast one answer may go out, in steps of 64 KB.",
      examples: ["1mb/s"],
    }),
  auth: auth.optional().meta({
    description:
      "Who may pass: whom an app or upstream lets through (`forward`: 2xx does, any other answer goes to the client), or who knows a password (`basic`).",
  }),
  serverTiming: z.literal(true).optional().meta({
    description: "`true`: answers of this route have a `Server-Timing`, whatever the edge says.",
  }),
  security: securitySchema.optional().meta({
    description:
      'Headers by which browsers protect a site, added where the answer has none of its own: X-Content-Type-Options, Referrer-Policy, Permissions-Policy, Cross-Origin-Opener-Policy, X-Frame-Options, frame-ancestors. "strict": nobody may frame it; "same-origin": only its own pages.',
    examples: ["strict"],
  }),
} as const;
