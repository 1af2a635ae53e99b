/** `cache` in deploy.config.ts: where the answers of routes with `cache` are kept. */
import { z } from "zod";
import { bytes } from "./scalars.ts";

const leastMemory = 1024 * 1024;
const mostMemory = 64 * 1024 * 1024 * 1024;
const mostDisk = 1024 * 1024 * 1024 * 1024;

export const cacheSchema = z
  .strictObject({
    store: z.literal(["auto", "redis", "embedded", "memory"]).default("auto").meta({
      description:
        'What keeps answers besides the memory of the edge: "redis", shared by every machine that has the same; "embedded", a file in .stack/cache that outlives restarts; "memory", nothing. "auto": redis where there is one, else embedded.',
    }),
    memory: bytes
      .refine((value) => value >= leastMemory && value <= mostMemory, {
        error: "Use 1mb at least and 64gb at most",
      })
      .prefault("64mb")
      .meta({
        description: "Memory of the edge for answers, over all threads, taken when it starts.",
      }),
    disk: bytes
      .refine((value) => value >= leastMemory && value <= mostDisk, {
        error: "Use 1mb at least and 1024gb at most",
      })
      .optional()
      .meta({
        description:
          "How large the file of the embedded store may grow; eight times `memory` if not said.",
        examples: ["2gb"],
      }),
    purgeOnRelease: z.boolean().default(false).meta({
      description:
        "After a reload with another code or setting of an app, what its workers answered before is not used any more.",
    }),
  })
  .prefault({})
  .meta({
    description: "Where the answers of routes with `cache` are kept.",
    examples: [{ store: "auto", memory: "64mb" }],
  });
