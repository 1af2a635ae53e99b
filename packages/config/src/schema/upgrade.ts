/** `upgrade` of a route: what a client may switch its connection to. */
import { z } from "zod";

/** HTTP/2 by upgrade was withdrawn (RFC 9113 §3.1), and is a way past a proxy's rules. */
const refused = new Set(["h2c", "h2", "http/2.0", "tls/1.0", "tls/1.2"]);

export const upgradeSchema = z
  .union(
    [
      z.literal(false),
      z
        .array(
          z
            .string()
            .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~/-]+$/, 'Write a protocol, like "websocket"')
            .refine((name) => !refused.has(name.toLowerCase()), "this upgrade is never passed on")
            .transform((name) => name.toLowerCase()),
        )
        .min(1)
        .max(8),
    ],
    { error: 'Use false, or a list like ["websocket"]' },
  )
  .optional()
  .meta({
    description:
      "Protocols a client may switch its connection to. `websocket` is allowed without it for upstreams and for apps of kind asgi, node and command; `false` allows none.",
    examples: [["websocket"]],
  });
