/** `edge.limits`: what keeps one slow or greedy client from taking the place of others. */
import { z } from "zod";
import { bytes } from "./scalars.ts";

export const clientLimits = {
  connectionsPerAddress: z
    .int()
    .min(1)
    .optional()
    .meta({
      description:
        "Client connections at once from one address (IPv6: one /64), over all threads; beyond: 429. Trusted proxies are not counted. Without it only `connections` is the bound.",
      examples: [100],
    }),
  bodyRate: bytes.prefault("240b").meta({
    description:
      "Bytes per second in which a request body must come, on average, once `timeouts.body` is over; below: 408. 0 for no bound.",
  }),
  readRate: bytes.prefault("240b").meta({
    description:
      "Bytes per second in which a client must read an answer, on average, once `timeouts.idle` is over; below: cut off. 0 for no bound.",
  }),
  spillBytes: bytes.optional().meta({
    description:
      "How much of requests and answers longer than `bufferBytes` may lie on disk (.stack/tmp), all together, so that slow clients hold no worker. 0 for nothing: they are passed on as they come. Without it 0, or 1gb where there are upstreams of uwsgi, FastCGI or SCGI: these must be told the length of a body before it begins, and `git push` and others do not say it.",
    examples: ["2gb"],
  }),
};
