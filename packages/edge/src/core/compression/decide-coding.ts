/**
 * Whether an answer is compressed on its way, and what it says then (RFC 9110 §8.4, §8.8.3, §12.5.5;
 * §7.7 for no-transform). Pure.
 */
import type { CompressionPlan } from "@stack/config";

interface CodingRules {
  /** Whether a type is compressed at all. */
  readonly isCodableType: (contentType: string) => boolean;
  readonly minBytes: number;
}

type CodingVerdict =
  /** Never compressed, for no client: nothing depends on Accept-Encoding. */
  | "unfit"
  /** Too short to be worth it. */
  | "short"
  | "fit";

export function compileCodingRules(plan: CompressionPlan): CodingRules {
  const exact = new Set(plan.types.map((type) => type.toLowerCase()));
  const known = new Map<string, boolean>();
  return {
    minBytes: plan.minBytes,
    isCodableType(contentType) {
      const before = known.get(contentType);
      if (before !== undefined) return before;
      const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
      // Events are sent one by one, and small: each would have to be flushed for itself.
      const isCodable =
        type !== "text/event-stream" &&
        (exact.has(type) || exact.has(`${type.slice(0, type.indexOf("/"))}/*`));
      if (known.size >= keptTypes) known.clear();
      known.set(contentType, isCodable);
      return isCodable;
    },
  };
}

const keptTypes = 256;
/** Whole answers whose content is what the address names. */
const codableStatuses: ReadonlySet<number> = new Set([200, 201, 202, 203]);
/** Coded already, a part, or with a check-sum of the bytes as they are. */
const hindrance =
  /^(?:content-(?:encoding|range|digest|md5)|repr-digest|digest|transfer-encoding):/im;

/** @param length of the body; negative when unknown */
export function decideCoding(
  rules: CodingRules,
  status: number,
  fields: string,
  length: number,
): CodingVerdict {
  if (!codableStatuses.has(status)) return "unfit";
  const type = /^content-type:[ \t]*([^\r\n]*)/im.exec(fields)?.[1];
  if (type === undefined || !rules.isCodableType(type)) return "unfit";
  if (hindrance.test(fields) || refusesTransform(fields)) return "unfit";
  return length >= 0 && length < rules.minBytes ? "short" : "fit";
}

export function refusesTransform(fields: string): boolean {
  return /^cache-control:[^\r\n]*\bno-transform\b/im.test(fields);
}

/** Says that other clients may get it otherwise. */
export function varyByEncoding(fields: string): string {
  for (const [, value = ""] of fields.matchAll(/^vary:([^\r\n]*)/gim)) {
    if (/(?:^|,)[ \t]*(?:accept-encoding|\*)[ \t]*(?:,|$)/i.test(value)) return fields;
  }
  return `${fields}Vary: Accept-Encoding\r\n`;
}

/** The fields of an answer whose body is coded on its way. */
export function codedFields(fields: string, encoding: string): string {
  const weakened = fields
    .replace(/^accept-ranges:[^\r\n]*\r\n/gim, "")
    .replace(/^(etag:[ \t]*)"/im, '$1W/"');
  return `${varyByEncoding(weakened)}Content-Encoding: ${encoding}\r\n`;
}
