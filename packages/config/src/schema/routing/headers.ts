/** `requestHeaders`, `responseHeaders` and `cors` of a route. */
import { z } from "zod";
import { durationMs } from "../scalars.ts";

/** About the connection or the framing (RFC 9110 §7.6.1, RFC 9112 §6): ours alone to write. */
const ourOwn = new Set([
  "connection",
  "content-length",
  "date",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
]);

/** What tells an app who the client is: `trustedProxies` decides about it. */
const aboutClient =
  /^(?:x-forwarded.*|forwarded|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|fastly-client-ip|cf-.*|x-original-url|x-rewrite-url|x-request-start|x-queue-start|x-accel-.*|x-sendfile.*)$/;

function fieldName(side: "request" | "response") {
  return z
    .string()
    .regex(/^[!#$%&'*+.^`|~0-9A-Za-z-]+$/, "Is no name of a header")
    .superRefine((name, context) => {
      const lower = name.toLowerCase();
      if (ourOwn.has(lower)) {
        context.addIssue({
          code: "custom",
          message: `${name} belongs to the connection; it is written by the edge and cannot be changed`,
        });
      } else if (side === "request" && aboutClient.test(lower)) {
        context.addIssue({
          code: "custom",
          message: `${name} tells an app about the client; the edge writes it, \`edge.trustedProxies\` says whom it believes`,
        });
      }
    });
}

const fieldValue = z
  .string()
  .max(8192)
  .regex(/^[\t\x20-\x7e\xa0-\xff]*$/, "May have no line break and no control character");

function headerChanges(side: "request" | "response", what: string) {
  const name = fieldName(side);
  return z
    .strictObject({
      set: z.record(name, fieldValue).default({}).meta({
        description: "Headers that take the place of any of the same name.",
      }),
      add: z.record(name, fieldValue).default({}).meta({
        description: "Headers put beside those that are there.",
      }),
      remove: z.array(name).default([]).meta({ description: "Names of headers to take out." }),
    })
    .optional()
    .meta({ description: what });
}

export const headerKeys = {
  requestHeaders: headerChanges(
    "request",
    "Headers of the request, before the app or upstream sees it.",
  ),
  responseHeaders: headerChanges("response", "Headers of every answer of this route."),
  cors: z
    .strictObject({
      origins: z
        .union([
          z.literal("*"),
          z
            .array(
              z
                .string()
                .regex(
                  /^(?:https?:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?|null)$/,
                  'Write an origin like "https://app.example.com", in lower case, without a path',
                ),
            )
            .min(1),
        ])
        .meta({
          description: 'Origins that scripts may call from; "*" for any.',
          examples: [["https://app.example.com"]],
        }),
      methods: z
        .array(z.string().regex(/^[A-Z][A-Z-]{0,31}$/, 'Write a method like "GET"'))
        .default(["GET", "HEAD", "POST"])
        .meta({ description: "Methods they may use." }),
      headers: z
        .array(z.string().regex(/^[!#$%&'*+.^`|~0-9A-Za-z-]+$/, "Is no name of a header"))
        .default([])
        .meta({ description: "Request headers they may set.", examples: [["content-type"]] }),
      expose: z
        .array(z.string().regex(/^[!#$%&'*+.^`|~0-9A-Za-z-]+$/, "Is no name of a header"))
        .default([])
        .meta({ description: "Response headers they may read." }),
      credentials: z.boolean().default(false).meta({
        description: "Whether cookies and logins may be sent along; not with any origin.",
      }),
      maxAge: durationMs
        .prefault("10m")
        .meta({ description: "How long a browser may remember the answer to a preflight." }),
    })
    .superRefine((cors, context) => {
      if (cors.credentials && cors.origins === "*") {
        context.addIssue({
          code: "custom",
          path: ["credentials"],
          message:
            'cannot be with origins "*": every site could act as the visitor; name the origins',
        });
      }
    })
    .optional()
    .meta({
      description:
        "Cross-origin requests: preflights are answered by the edge, the headers of the app about it replaced.",
    }),
};
