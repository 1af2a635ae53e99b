/**
 * Files of variables, as dotenv writes them:
 *
 *     # a comment
 *     export NAME=value # and another
 *     SINGLE='as it is, over lines too'
 *     DOUBLE="with \n \r \t \" \\ \$"
 *
 * Nothing is expanded: what `$NAME` would mean depends on who reads the file.
 */
export type EnvFile =
  | { readonly ok: true; readonly variables: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly line: number; readonly problem: string };

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/;
const quoted = { "'": /^'([^']*)'/, '"': /^"((?:[^"\\]|\\[\s\S])*)"/ } as const;

export function parseEnvFile(text: string): EnvFile {
  const variables: Record<string, string> = {};
  let rest = text.replace(/^\uFEFF/, "").replace(/\r\n/g, "\n");
  let line = 1;
  const refuse = (problem: string): EnvFile => ({ ok: false, line, problem });
  while (rest !== "") {
    const [whole = ""] = /^[^\n]*/.exec(rest) ?? [];
    if (/^[ \t]*(?:#|$)/.test(whole)) {
      rest = rest.slice(whole.length + 1);
      line += 1;
      continue;
    }
    const head = assignment.exec(whole);
    const name = head?.[1];
    if (head === null || name === undefined) return refuse("is no NAME=value");
    const after = rest.slice(head[0].length);
    const quote = after[0];
    let taken: string;
    if (quote === "'" || quote === '"') {
      const match = quoted[quote].exec(after);
      if (match === null) return refuse(`the quote of ${name} is not closed`);
      const [all, inner = ""] = match;
      variables[name] = quote === "'" ? inner : plainOf(inner);
      const [tail = ""] = /^[^\n]*/.exec(after.slice(all.length)) ?? [];
      if (!/^[ \t]*(?:#.*)?$/.test(tail)) return refuse(`there is more after the value of ${name}`);
      taken = head[0] + all + tail;
    } else {
      variables[name] = whole
        .slice(head[0].length)
        .replace(/(?:^|[ \t])#.*$/, "")
        .trim();
      taken = whole;
    }
    line += taken.split("\n").length;
    rest = rest.slice(taken.length + 1);
  }
  return { ok: true, variables };
}

function plainOf(inner: string): string {
  return inner.replace(/\\([\s\S])/g, (_all, char: string) => escapes[char] ?? char);
}
