/** What zod found, in the words of somebody who edits deploy.config.ts. */
import type { z } from "zod";
import { isSecret } from "./config-path.ts";
import type { Problem } from "./problem.ts";
import { descriptionAt, keysAt } from "./schema-keys.ts";
import { suggest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/**
 * @param input what was validated, for the values in the messages
 */
export function explainIssues(issues: readonly Issue[], input: unknown): readonly Problem[] {
  return issues.flatMap((issue) => explain(issue, [], input));
}

function explain(issue: Issue, base: readonly PropertyKey[], input: unknown): readonly Problem[] {
  const path = [...base, ...issue.path];
  const value = valueAt(input, path);
  const problem = (message: string): readonly Problem[] => [{ path, message }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: explainKey(path, key, value),
      }));
    case "invalid_union":
      return explainUnion(issue, path, input, value);
    case "invalid_type":
      if (value === undefined) return problem(explainMissing(path, issue.expected, input));
      return problem(`${showAt(path, value)} is not ${expectation(issue.expected)}`);
    case "invalid_value":
      return problem(explainChoice(value, issue.values));
    case "invalid_key":
      return [
        {
          path,
          message: `"${String(path.at(-1))}" is no name. ${issue.issues[0]?.message ?? ""}`.trim(),
        },
      ];
    case "too_small":
      if (issue.origin === "array") return problem(`is empty: give at least ${issue.minimum}`);
      if (issue.origin === "string") return problem("must not be empty");
      return problem(`${show(value)} is too small: at least ${issue.minimum}`);
    case "too_big":
      return problem(`${show(value)} is too large: at most ${issue.maximum}`);
    case "invalid_format":
      if (issue.format === "starts_with") return problem(`${show(value)} must start with "/"`);
      return problem(`${showAt(path, value)} does not fit. ${issue.message}`);
    default:
      return problem(issue.message);
  }
}

function explainKey(path: readonly PropertyKey[], key: string, value: unknown): string {
  const known = keysAt(path, value);
  const near = suggest(key, known);
  if (near !== undefined) return `unknown key. Did you mean "${near}"?`;
  return known.length === 0 ? "unknown key" : `unknown key. Known: ${known.join(", ")}`;
}

/** The branch that was meant is the one of the same shape; else the union's own message says what fits. */
function explainUnion(
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: readonly PropertyKey[],
  input: unknown,
  value: unknown,
): readonly Problem[] {
  if (issue.discriminator !== undefined) {
    const written = valueAt(input, path);
    const choices = "options" in issue && Array.isArray(issue.options) ? issue.options : [];
    return [{ path, message: explainChoice(written, choices) }];
  }
  const meant =
    typeof value === "object"
      ? issue.errors.find(
          (branch) =>
            !branch.some(
              ({ code, path: at }) =>
                at.length === 0 && (code === "invalid_type" || code === "invalid_value"),
            ),
        )
      : undefined;
  if (meant !== undefined) return meant.flatMap((inner) => explain(inner, path, input));
  if (value === undefined) return [{ path, message: `is missing. ${issue.message}` }];
  const words = issue.errors
    .flat()
    .flatMap((inner) => (inner.code === "invalid_value" ? inner.values : []))
    .filter((word) => typeof word === "string");
  const near = typeof value === "string" ? suggest(value, words) : undefined;
  if (near !== undefined) {
    return [{ path, message: `${show(value)} is not known here. Did you mean "${near}"?` }];
  }
  return [{ path, message: `${show(value)} does not fit. ${issue.message}` }];
}

function explainChoice(value: unknown, choices: readonly unknown[]): string {
  const listed = choices.map((choice) => JSON.stringify(choice)).join(", ");
  const expected = choices.length === 1 ? `Use ${listed}` : `Use one of ${listed}`;
  if (value === undefined) return `is missing. ${expected}`;
  const words = choices.filter((choice) => typeof choice === "string");
  const near = typeof value === "string" ? suggest(value, words) : undefined;
  const problem = `${show(value)} is not known here`;
  return near === undefined ? `${problem}. ${expected}` : `${problem}. Did you mean "${near}"?`;
}

/** A key that was not written, or that was given nothing: `env: { KEY: process.env.KEY }`. */
function explainMissing(path: readonly PropertyKey[], expected: string, input: unknown): string {
  const key = path.at(-1) ?? "";
  const parent = valueAt(input, path.slice(0, -1));
  if (typeof parent === "object" && parent !== null && Object.hasOwn(parent, key)) {
    return `has no value (undefined); it must be ${expectation(expected)}`;
  }
  const description = descriptionAt(path, parent);
  return description === undefined
    ? `is missing: ${expectation(expected)}`
    : `is missing. ${description}`;
}

const expectations: Readonly<Record<string, string>> = {
  string: 'a text ("…")',
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list ([…])",
  object: "an object ({…})",
  record: "an object ({…})",
};

function expectation(expected: string): string {
  return expectations[expected] ?? expected;
}

/** As `show`, but only the type of what may be a secret. */
function showAt(path: readonly PropertyKey[], value: unknown): string {
  return isSecret(path) ? `a value of type ${typeof value}` : show(value);
}

/** A value as it would be written, short. */
function show(value: unknown): string {
  if (value instanceof RegExp) return `the regular expression ${String(value)}`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  const text = value === undefined ? "undefined" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
