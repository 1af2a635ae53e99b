/** Paths inside a config, as people read them: ["edge", "listen", 0] is "edge.listen[0]". */

export type PathKey = string | number;

/** "edge.routes[2].path"; the empty path is "". */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[\w$-]+$/.test(String(key))) text += text === "" ? String(key) : `.${String(key)}`;
    else text += `[${JSON.stringify(String(key))}]`;
  }
  return text;
}

/** Whether a value at this path may be a secret: it is not shown in any message. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  return path.includes("env") || path.at(-1) === "url";
}
