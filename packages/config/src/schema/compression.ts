/** `edge.compression`: answers compressed on their way to the client. */
import { z } from "zod";
import { bytes } from "./scalars.ts";

export const compressionSchema = z
  .union(
    [
      z.literal(false),
      z.strictObject({
        encodings: z
          .array(z.literal(["zstd", "br", "gzip"]))
          .min(1)
          .default(["zstd", "br", "gzip"])
          .meta({ description: "Offered, the preferred first; the client's own order wins." }),
        minBytes: bytes
          .prefault("1kb")
          .meta({ description: "An answer that is known to be shorter is left as it is." }),
        types: z
          .array(
            z
              .string()
              .regex(/^[\w.+-]+\/(?:\*|[\w.+-]+)$/, 'Use "text/html" or "text/*", without charset'),
          )
          .min(1)
          .default([
            "text/*",
            "application/javascript",
            "application/json",
            "application/ld+json",
            "application/manifest+json",
            "application/problem+json",
            "application/rss+xml",
            "application/atom+xml",
            "application/xml",
            "application/wasm",
            "image/svg+xml",
            "font/ttf",
            "font/otf",
          ])
          .meta({ description: "Content types that are compressed." }),
      }),
    ],
    { error: 'Use false, or { encodings: ["zstd", "br", "gzip"] }' },
  )
  .default(false)
  .meta({
    description:
      "Compress answers of apps, upstreams and files for clients that accept it. `false` leaves all as it is.",
    examples: [{ encodings: ["br", "gzip"], minBytes: "1kb" }],
  });
