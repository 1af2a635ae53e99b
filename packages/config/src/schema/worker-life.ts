/** When a worker is replaced though nothing is wrong with it: keys of `apps.<name>`. */
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
