/**
 * Colour for the plain command line: whether to use it, and the few colours there are (Okabe-Ito).
 * Every coloured word also has its shape, so that nothing depends on seeing the colour.
 */

export type Tone = "good" | "warn" | "bad" | "muted" | "bold";

/** Wraps text in the codes of a tone, or leaves it alone. */
export type Paint = (tone: Tone, text: string) => string;

export type Environment = Readonly<Record<string, string | undefined>>;

const codes: Readonly<Record<Tone, readonly [start: string, end: string]>> = {
  good: ["\u001b[38;5;74m", "\u001b[39m"],
  warn: ["\u001b[38;5;214m", "\u001b[39m"],
  bad: ["\u001b[38;5;166m", "\u001b[39m"],
  muted: ["\u001b[38;5;245m", "\u001b[39m"],
  bold: ["\u001b[1m", "\u001b[22m"],
};

/** NO_COLOR (not empty), then FORCE_COLOR, then TERM=dumb, then whether the stream is a terminal. */
export function decideColor(env: Environment, isTerminal: boolean): boolean {
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false;
  if (env["FORCE_COLOR"] !== undefined) return !["", "0", "false"].includes(env["FORCE_COLOR"]);
  if (env["TERM"] === "dumb") return false;
  return isTerminal;
}

/** Whether the locale can show ● and ✖; a Linux console cannot. */
export function decideUnicode(env: Environment): boolean {
  if (env["TERM"] === "linux") return false;
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"];
  return locale === undefined || locale === "" || /utf-?8/i.test(locale);
}

export function createPaint(enabled: boolean): Paint {
  if (!enabled) return (_tone, text) => text;
  return (tone, text) => {
    const [start, end] = codes[tone];
    return `${start}${text}${end}`;
  };
}
