/** Sizes and durations as schema types: written as "10mb" or "30s", read as numbers. */
import { parseBytes, parseDuration } from "@stack/base";
import { z } from "zod";

const sizeOrTime = z.union([z.string(), z.number()], { error: 'Use a text like "10mb" or "30s"' });

/** "10mb", or a number of bytes; output: bytes. */
export const bytes = sizeOrTime
  .transform((input, context) => {
    const value = parseBytes(input);
    if (value !== undefined) return value;
    context.addIssue({
      code: "custom",
      message: `${JSON.stringify(input)} is not a size. Use "10mb", "64kb" or a number of bytes`,
    });
    return z.NEVER;
  })
  .meta({ title: "size" });

/** "30s", or a number of milliseconds; output: milliseconds. */
export const durationMs = sizeOrTime
  .transform((input, context) => {
    const value = parseDuration(input);
    if (value !== undefined) return value;
    context.addIssue({
      code: "custom",
      message: `${JSON.stringify(input)} is not a duration. Use "10m", "600s" or a number of milliseconds`,
    });
    return z.NEVER;
  })
  .meta({ title: "duration" });

/** A user or a group of the system, by name or number. */
export const account = z.union([z.string().min(1), z.int().min(0)]);
