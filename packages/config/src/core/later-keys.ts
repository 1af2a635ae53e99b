/**
 * Keys and values that the design has and this version does not: they are refused as "not in this
 * version", never ignored and never suggested. When one is built, its line here goes.
 */

/** By the path of the object, with [] for an index and * for a name. */
const keys: Readonly<Record<string, readonly string[]>> = {
  edge: ["user"],
};

const values: Readonly<Record<string, readonly unknown[]>> = {};

export function isLaterKey(objectPattern: string, key: string): boolean {
  return keys[objectPattern]?.includes(key) ?? false;
}

export function isLaterValue(pattern: string, value: unknown): boolean {
  if (values[pattern]?.includes(value)) return true;
  return false;
}

/** ["apps", "shop", "kind"] is "apps.*.kind". */
export function patternOf(path: readonly PropertyKey[]): string {
  const named = new Set(["apps", "upstreams", "programs"]);
  return path
    .map((key, index) => {
      if (typeof key === "number") return "[]";
      const text = index === 1 && named.has(String(path[0])) ? "*" : String(key);
      return index === 0 ? text : `.${text}`;
    })
    .join("");
}
