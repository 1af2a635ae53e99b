/**
 * Where each key of a config was written, found by walking the syntax tree of its source. Best
 * effort: what cannot be followed (a computed key, an import, a loop) has no place, and is never an
 * error; the nearest key around it stands in.
 */

import { parse } from "@babel/parser";
import type { ConfigPlace } from "@stack/base";
import { formatPath, isSecret, type PathKey } from "./config-path.ts";
import type { Places } from "./place-of.ts";

export type SourceReading =
  | { readonly kind: "places"; readonly places: Places }
  | {
      readonly kind: "syntax-error";
      readonly message: string;
      readonly line: number;
      readonly column: number;
    };

type Tree = ReturnType<typeof parse>;
type Statement = Tree["program"]["body"][number];
type Declarator = Extract<Statement, { type: "VariableDeclaration" }>["declarations"][number];
type Node = NonNullable<Declarator["init"]>;
type FunctionNode = Extract<
  Node | Statement,
  { type: "ArrowFunctionExpression" | "FunctionExpression" | "FunctionDeclaration" }
>;

interface Walk {
  readonly source: string;
  readonly file: string;
  readonly names: Map<string, Node | FunctionNode>;
  readonly places: Record<string, ConfigPlace>;
}

/** Deeper than any config; ends a variable that is made of itself. */
const deepest = 40;

/**
 * @param file as the places shall name it
 */
export function readPlaces(source: string, file: string): SourceReading {
  const tree = parseSource(source);
  if ("message" in tree) return { kind: "syntax-error", ...tree };
  const walk: Walk = { source, file, names: new Map(), places: {} };
  collectNames(walk, tree.program.body);
  for (const statement of tree.program.body) {
    if (statement.type !== "ExportDefaultDeclaration") continue;
    const exported = statement.declaration;
    if (exported.type === "FunctionDeclaration") visitFunction(walk, exported, [], 0);
    else if (isExpression(exported)) visit(walk, exported, [], 0);
  }
  return { kind: "places", places: walk.places };
}

function parseSource(source: string): Tree | { message: string; line: number; column: number } {
  try {
    return parse(source, { sourceType: "module", plugins: ["typescript"] });
  } catch (error) {
    const { message, loc } = error as {
      message: string;
      loc?: { line: number; column: number };
    };
    return {
      message: message.replace(/\s*\(\d+:\d+\)$/, "").replace(/\.$/, ""),
      line: loc?.line ?? 1,
      column: (loc?.column ?? 0) + 1,
    };
  }
}

function collectNames(walk: Walk, statements: readonly Statement[]): void {
  for (const statement of statements) {
    const declared =
      statement.type === "ExportNamedDeclaration"
        ? (statement.declaration ?? statement)
        : statement;
    if (declared.type === "FunctionDeclaration" && declared.id) {
      walk.names.set(declared.id.name, declared);
    }
    if (declared.type !== "VariableDeclaration") continue;
    for (const { id, init } of declared.declarations) {
      if (id.type === "Identifier" && init) walk.names.set(id.name, init);
    }
  }
}

/** Follows an expression down to the literals it is made of. */
function visit(walk: Walk, node: Node, path: readonly PathKey[], depth: number): void {
  if (depth > deepest) return;
  const follow = (next: Node): void => visit(walk, next, path, depth + 1);
  switch (node.type) {
    case "ObjectExpression":
      visitObject(walk, node, path, depth);
      return;
    case "ArrayExpression":
      node.elements.forEach((element, index) => {
        if (!element || element.type === "SpreadElement") return;
        place(walk, [...path, index], element, element);
        visit(walk, element, [...path, index], depth + 1);
      });
      return;
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSNonNullExpression":
    case "TSTypeAssertion":
    case "ParenthesizedExpression":
      follow(node.expression);
      return;
    case "AwaitExpression":
      follow(node.argument);
      return;
    case "CallExpression": {
      const { callee } = node;
      if (callee.type === "Identifier" && walk.names.has(callee.name)) {
        follow(callee);
        return;
      }
      // defineConfig(…), Object.freeze(…): the first argument is the config.
      const [argument] = node.arguments;
      if (argument && isExpression(argument)) follow(argument);
      return;
    }
    case "ArrowFunctionExpression":
    case "FunctionExpression":
      visitFunction(walk, node, path, depth);
      return;
    case "Identifier": {
      const target = walk.names.get(node.name);
      if (target === undefined) return;
      if (target.type === "FunctionDeclaration") visitFunction(walk, target, path, depth + 1);
      else follow(target);
      return;
    }
    default:
      return;
  }
}

function visitObject(
  walk: Walk,
  node: Extract<Node, { type: "ObjectExpression" }>,
  path: readonly PathKey[],
  depth: number,
): void {
  for (const property of node.properties) {
    if (property.type === "SpreadElement") {
      visit(walk, property.argument, path, depth + 1);
      continue;
    }
    const name = propertyName(property);
    if (name === undefined) continue;
    const inner = [...path, name];
    if (property.type === "ObjectMethod") {
      place(walk, inner, property.key, undefined);
      continue;
    }
    const value = isExpression(property.value) ? property.value : undefined;
    place(walk, inner, property.key, value);
    if (value !== undefined) visit(walk, value, inner, depth + 1);
  }
}

/** A config that is a function: what its last `return` gives. */
function visitFunction(
  walk: Walk,
  node: FunctionNode,
  path: readonly PathKey[],
  depth: number,
): void {
  if (node.body.type !== "BlockStatement") {
    visit(walk, node.body, path, depth + 1);
    return;
  }
  collectNames(walk, node.body.body);
  for (const statement of node.body.body) {
    if (statement.type === "ReturnStatement" && statement.argument) {
      visit(walk, statement.argument, path, depth + 1);
    }
  }
}

function propertyName(property: {
  readonly computed?: boolean | null;
  readonly key: { readonly type: string };
}): string | undefined {
  const key = property.key as { type: string; name?: string; value?: unknown };
  if (key.type === "StringLiteral" || key.type === "NumericLiteral") return String(key.value);
  return key.type === "Identifier" && property.computed !== true ? key.name : undefined;
}

function place(
  walk: Walk,
  path: readonly PathKey[],
  at: { readonly loc?: { readonly start: { line: number; column: number } } | null },
  value: Node | undefined,
): void {
  if (!at.loc) return;
  const configPath = formatPath(path);
  const written = value === undefined ? undefined : shownValue(walk.source, value, path);
  walk.places[configPath] = {
    file: walk.file,
    line: at.loc.start.line,
    column: at.loc.start.column + 1,
    configPath,
    ...(written === undefined ? {} : { value: written }),
  };
}

/** Short values only, and none that may be a secret. */
function shownValue(source: string, node: Node, path: readonly PathKey[]): string | undefined {
  if (isSecret(path)) return undefined;
  const literal = /Literal$|^(Identifier|ArrayExpression|UnaryExpression|MemberExpression)$/;
  if (!literal.test(node.type) || node.start == null || node.end == null) return undefined;
  const text = source.slice(node.start, node.end).replace(/\s+/g, " ");
  if (text.includes("{")) return undefined;
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function isExpression(node: { readonly type: string }): node is Node {
  return (
    node.type !== "SpreadElement" &&
    node.type !== "ArgumentPlaceholder" &&
    !node.type.endsWith("Pattern") &&
    !node.type.endsWith("Declaration")
  );
}
