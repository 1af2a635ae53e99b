/** Which content codings a client accepts (RFC 9110 §12.5.3). */

export interface AcceptedEncodings {
  /** Of what was offered, by the client's weights and then in the order offered. */
  readonly encodings: readonly string[];
  /** False for `identity;q=0` and for `*;q=0` without a word on identity. */
  readonly identity: boolean;
}

/** Longer lists are read no further. */
const maxElements = 32;

/**
 * @param value of Accept-Encoding; undefined when there is none: only identity then
 * @param offered codings in lower case, the preferred first
 */
export function parseAcceptEncoding(
  value: string | undefined,
  offered: readonly string[],
): AcceptedEncodings {
  if (value === undefined) return { encodings: [], identity: true };
  const weights = new Map<string, number>();
  for (const element of value.split(",", maxElements)) {
    const [name = "", ...parameters] = element.split(";");
    const coding = canonical(name.trim().toLowerCase());
    if (coding !== "") weights.set(coding, weightOf(parameters));
  }
  const any = weights.get("*");
  const identity = weights.get("identity") ?? (any === 0 ? 0 : undefined);
  const floor = identity ?? 0;
  const weight = (coding: string): number => weights.get(coding) ?? any ?? 0;
  return {
    encodings: offered
      .filter((coding) => weight(coding) > 0 && weight(coding) >= floor)
      .toSorted((one, other) => weight(other) - weight(one)),
    identity: identity !== 0,
  };
}

/** RFC 9110 §8.4.1.3: x-gzip is gzip. */
function canonical(coding: string): string {
  return coding === "x-gzip" ? "gzip" : coding;
}

/** A weight that cannot be read is none: the coding is not wanted for sure. */
function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const match = /^[ \t]*q[ \t]*=[ \t]*(.*?)[ \t]*$/i.exec(parameter);
    if (match === null) continue;
    return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(match[1] ?? "") ? Number(match[1]) : 0;
  }
  return 1;
}
