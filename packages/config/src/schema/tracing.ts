/** What is said about each request besides the access log. */
import { z } from "zod";

export const tracingKeys = {
  requestId: z.boolean().default(false).meta({
    description:
      "Give each request an id: `X-Request-Id` for the app, in the answer and as `{id}` in the access log. A trusted proxy's own is kept.",
  }),
  traceparent: z.boolean().default(false).meta({
    description:
      "W3C trace context: a trusted proxy's `traceparent` is passed on, for all others a trace begins here. `{trace}` in the access log.",
  }),
  serverTiming: z
    .union([z.boolean(), z.literal("trusted")], { error: 'Use true, false or "trusted"' })
    .default(false)
    .meta({
      description:
        'Say in `Server-Timing` how long queue, connect and app took: in every answer, or in those to trusted proxies ("trusted").',
    }),
} as const;
