/** The whole of deploy.config.ts. */
import { z } from "zod";
import { appSchema, programSchema, redisSchema, smokeCheckSchema } from "./apps.ts";
import { cacheSchema } from "./cache.ts";
import { edgeSchema } from "./edge.ts";
import { upstreamSchema } from "./upstreams.ts";

const name = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,31}$/,
    'Use lower-case letters, digits and "-", a letter first, at most 32',
  );

export const configSchema = z.strictObject({
  name: name.optional().meta({
    description: "Name of the stack, shown everywhere; without it the name of the config's folder.",
    examples: ["shop"],
  }),
  edge: edgeSchema
    .prefault({})
    .meta({ description: "The public side: listeners, limits, and who answers which request." }),
  apps: z
    .record(name, appSchema)
    .prefault({})
    .meta({ description: "Application servers, by name." }),
  upstreams: z.record(name, upstreamSchema).prefault({}).meta({
    description: "Servers that something else runs, by name.",
  }),
  programs: z.record(name, programSchema).prefault({}).meta({
    description: "Anything else to keep running: queue consumers, watchers.",
  }),
  redis: redisSchema,
  cache: cacheSchema,
  smoke: z
    .array(smokeCheckSchema)
    .prefault([])
    .meta({ description: "What `stack smoke` asks for." }),
});

/** What a person may write. */
export type ConfigInput = z.input<typeof configSchema>;
/** Checked, with defaults; durations in milliseconds, sizes in bytes; paths still as written. */
export type ParsedConfig = z.output<typeof configSchema>;
