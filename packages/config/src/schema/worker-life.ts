/** How many workers there are, and when one is replaced though nothing is wrong: keys of `apps.<name>`. */
import { z } from "zod";
import { bytes, durationMs } from "./scalars.ts";

/** Of every kind of app. */
export const recycling = {
  maxRequests: z
    .int()
    .min(1)
    .optional()
    .meta({
      description:
        "Replace a worker after so many requests, up to a tenth earlier so that not all are replaced together. Its successor is ready before it drains.",
      examples: [10_000],
    }),
  maxAge: durationMs.optional().meta({
    description: "Replace a worker after so long, up to a tenth earlier; as with maxRequests.",
    examples: ["12h"],
  }),
  memory: z
    .strictObject({
      soft: bytes.optional().meta({
        description: "Beyond it the worker is replaced as by maxRequests: no request is lost.",
        examples: ["300mb"],
      }),
      hard: bytes.optional().meta({
        description:
          "Beyond it the worker is killed at once, before the machine runs out; what it was doing is answered with 502.",
        examples: ["500mb"],
      }),
    })
    .superRefine((memory, context) => {
      if (memory.soft === undefined || memory.hard === undefined) return;
      if (memory.soft < memory.hard) return;
      context.addIssue({
        code: "custom",
        path: ["hard"],
        message: "must be more than memory.soft, or no worker is ever replaced gently",
      });
    })
    .optional()
    .meta({
      description:
        "What one worker, with the processes it started, may use: proportional memory (PSS), in which pages that workers share count in parts.",
      examples: [{ soft: "300mb", hard: "500mb" }],
    }),
};

const count = z.int().min(1).max(1024);

const elastic = z
  .strictObject({
    min: count.default(1).meta({ description: "There are never fewer." }),
    max: count.meta({ description: "There are never more." }),
    wait: durationMs.prefault("50ms").meta({
      description:
        "One more (of many: a quarter more) is started while 5 of 100 requests wait longer than this for a worker.",
    }),
    calm: durationMs.prefault("60s").meta({
      description: "One is drained when for so long nobody has waited and the others would do.",
    }),
  })
  .refine(({ min, max }) => min <= max, {
    path: ["max"],
    message: "must not be less than workers.min",
  });

/** Of all kinds but `command`. */
export const workers = z
  .union([count, z.literal("auto"), elastic], {
    error: 'Use "auto", a whole number from 1 to 1024, or { min, max }',
  })
  .default("auto")
  .meta({
    description:
      'Worker processes per instance. "auto" is one per core; { min, max } follows how long requests wait.',
    examples: ["auto", 4, { min: 2, max: 8 }],
  });
