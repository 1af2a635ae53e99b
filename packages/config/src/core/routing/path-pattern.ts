/**
 * RegExp paths: what may be written, and what the edge runs. A pattern is run by V8's linear
 * engine, whose time grows with the path and nothing else: no path a client could choose makes it
 * expensive. What that engine cannot run (look-around, back references, large counted repetitions)
 * is refused when the config is read.
 */
const maxPatternLength = 512;

/**
 * Why a pattern cannot be used; undefined when it can. V8 must have been told to allow flag "l"
 * (`--enable-experimental-regexp-engine`).
 */
export function explainPattern(source: string, flags: string): string | undefined {
  if (!/^i?$/.test(flags)) return `only the flag "i" can be used, not "${flags}"`;
  if (source.length > maxPatternLength) {
    return `is longer than ${maxPatternLength} characters; use prefixes, or several routes`;
  }
  if (/^\^(?!\\?\/|[[(.\\])/.test(source)) return 'can never match: every path begins with "/"';
  try {
    new RegExp(linearSource(source, flags), "l");
  } catch {
    return "cannot be run in a time that is bounded: no look-around, no back references, no large {n,m}";
  }
  return undefined;
}

/** The same pattern without its flag: the linear engine knows no `i`. */
export function linearSource(source: string, flags: string): string {
  if (!flags.includes("i")) return source;
  return source.replace(
    // Escapes, the names of groups, classes, and single letters, in this order.
    /\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|c[A-Za-z]|.)|\(\?<\w+>|\[(?:\\.|[^\]\\])*\]|[A-Za-z]/g,
    (part) => {
      if (part.length === 1) return `[${part.toLowerCase()}${part.toUpperCase()}]`;
      return part.startsWith("[") ? bothCasesOfClass(part) : part;
    },
  );
}

/** "[a-f_]" is "[a-f_A-F]". */
function bothCasesOfClass(text: string): string {
  let more = "";
  for (const [part] of text.matchAll(/\\.|[A-Za-z]-[A-Za-z]|[A-Za-z]/g)) {
    if (!part.startsWith("\\")) more += part.toLowerCase() + part.toUpperCase();
  }
  return `${text.slice(0, -1)}${more}]`;
}

/**
 * The part of every matching path that is known beforehand, cut at its last "/": a pattern is asked
 * where the prefix route of that name would be. "" when nothing is known.
 */
export function literalPrefix(source: string): string {
  if (!source.startsWith("^") || /(?<!\\)\|/.test(source.replace(/\((?:\\.|[^()\\])*\)/g, ""))) {
    return "";
  }
  let literal = "";
  let at = 1;
  while (at < source.length) {
    const step = /^(?:\\([/.\-_~])|([A-Za-z0-9/_~%@&=:,;!'-]))(?![*?{])/.exec(source.slice(at));
    if (step === null) break;
    literal += step[1] ?? step[2] ?? "";
    at += step[0].length;
  }
  return literal.slice(0, Math.max(0, literal.lastIndexOf("/")));
}
