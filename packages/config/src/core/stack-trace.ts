/** Reads a thrown error's stack for the line that its author can change. */

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The first line of the stack that lies in the config itself. */
export function ownFrame(stack: string, file: string): Position | undefined {
  for (const line of stack.split("\n")) {
    const match = /(?:\(|at |file:\/\/)([^()]*?):(\d+):(\d+)\)?$/.exec(line.trim());
    const path = match?.[1]?.replace(/^.*file:\/\//, "").replace(/^async /, "");
    if (path === file) return { line: Number(match?.[2]), column: Number(match?.[3]) };
  }
  return undefined;
}

/** jiti's own report of a file it cannot parse: "ParseError: … \n /srv/x.ts:3:7". */
export function syntaxErrorIn(
  error: unknown,
): (Position & { readonly file: string; readonly message: string }) | undefined {
  if (!(error instanceof Error)) return undefined;
  const match = /^ParseError:?\s*(?:\w*SyntaxError:\s*)?([^\n]*)\n\s*(\/[^\n]*?):(\d+):(\d+)/.exec(
    `${error.name === "ParseError" ? "ParseError: " : ""}${error.message}`,
  );
  if (match === null) return undefined;
  return {
    message: (match[1] ?? "").replace(/^.*?\.\w+: /, "").replace(/\s*\(\d+:\d+\)\.?$/, ""),
    file: match[2] ?? "",
    line: Number(match[3]),
    column: Number(match[4]) + 1,
  };
}
