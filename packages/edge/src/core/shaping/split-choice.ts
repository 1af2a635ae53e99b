/** `split`: which of several takes a request, by weight or by the cookie of an earlier one. */
export interface SplitChoice {
  readonly weight: number;
  /** What the cookie of a visitor says who stays with this one: opaque, the same in every edge. */
  readonly token: string;
}

/**
 * @param random at least 0, below 1
 * @returns position in `choices`
 */
export function chooseByWeight(choices: readonly SplitChoice[], random: number): number {
  let total = 0;
  for (const { weight } of choices) total += weight;
  let left = random * total;
  for (let index = 0; index < choices.length; index += 1) {
    left -= choices[index]?.weight ?? 0;
    if (left < 0) return index;
  }
  return choices.findLastIndex(({ weight }) => weight > 0);
}

/** -1 for a cookie that is nobody's (any more). */
export function chooseByToken(choices: readonly SplitChoice[], token: string | undefined): number {
  return token === undefined ? -1 : choices.findIndex((choice) => choice.token === token);
}
