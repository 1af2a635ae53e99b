/**
 * A RegExp path as it is run: by V8's usual engine where that provably takes next to nothing, else
 * by its linear one, which costs some 2 µs but never more than the path is long. Both find the same.
 */
export interface PathMatcher {
  readonly test: (path: string) => boolean;
  readonly exec: (path: string) => RegExpExecArray | null;
}

/** V8 must have been told to allow flag "l" (`--enable-experimental-regexp-engine`). */
export function createPathMatcher(source: string): PathMatcher {
  const linear = new RegExp(source, "l");
  const limit = decideBacktrackingLimit(source);
  const usual = limit === 0 ? linear : new RegExp(source);
  return {
    test: (path) => (path.length <= limit ? usual : linear).test(path),
    exec: (path) => (path.length <= limit ? usual : linear).exec(path),
  };
}

/** For a template: it wants to know the names of the groups as well. */
export function templatePattern(source: string): PathMatcher & { readonly source: string } {
  const { test, exec } = createPathMatcher(source);
  return { test, exec, source };
}

/**
 * Up to which length of a path backtracking is harmless, by what the pattern repeats: the work is at
 * most the length to the power of the repetitions, times the pattern. 0 for what is not so simple.
 */
export function decideBacktrackingLimit(source: string): number {
  const shape = source
    .replace(/\\./gs, "x")
    .replace(/\[[^\]]*\]/g, "x")
    .replace(/\(\?(?::|<\w+>)/g, "(");
  // Repeated groups and counted repetitions are where backtracking explodes.
  if (/\)[*+?{]|\{/.test(shape)) return 0;
  // One choice in one group; several in a row would multiply.
  const choices = shape.match(/\([^()]*\|[^()]*\)/g) ?? [];
  if (choices.length > 1 || shape.replace(choices[0] ?? "", "").includes("|")) return 0;
  const repetitions = (shape.match(/[*+?]/g) ?? []).length;
  if (repetitions === 0) return 256;
  if (!shape.startsWith("^")) return 0; // it would be tried at every place
  return repetitions === 1 ? 256 : repetitions === 2 ? 128 : 0;
}
