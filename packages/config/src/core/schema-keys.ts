/** Which keys an object of the config may have: read from the schema, for suggestions. */
import { z } from "zod";
import { configSchema } from "../schema/config.ts";

/** The part of a JSON Schema that is used here and by the reference page. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  /** "size", "duration" */
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

/** The schema of what a person writes (defaults not filled in, sizes as text). */
export function configJsonSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as SchemaNode;
}

/**
 * The keys that an object may have.
 *
 * @param value what is written there; its `kind` chooses among alternatives
 */
export function keysAt(path: readonly PropertyKey[], value: unknown): readonly string[] {
  const properties = objectsAt(path, value).flatMap((node) => Object.keys(node.properties ?? {}));
  return [...new Set(properties)];
}

/**
 * What a key is for, in its own words.
 *
 * @param parent what is written around it
 */
export function descriptionAt(path: readonly PropertyKey[], parent: unknown): string | undefined {
  return objectsAt(path.slice(0, -1), parent)
    .map(({ properties }) => properties?.[String(path.at(-1))]?.description)
    .find((description) => description !== undefined);
}

function objectsAt(path: readonly PropertyKey[], value: unknown): readonly SchemaNode[] {
  let nodes: readonly SchemaNode[] = [configJsonSchema()];
  for (const key of path) nodes = nodes.flatMap((node) => inner(node, key));
  const objects = nodes.flatMap(alternatives).filter((node) => node.properties !== undefined);
  const kind = (value as { readonly kind?: unknown } | null | undefined)?.kind;
  const chosen = objects.filter((node) => kindOf(node)?.const === kind);
  return chosen.length > 0 ? chosen : objects;
}

/** The `kind` of one alternative among several. */
export function kindOf({ properties }: SchemaNode): SchemaNode | undefined {
  const { kind }: { readonly kind?: SchemaNode } = properties ?? {};
  return kind?.const === undefined ? undefined : kind;
}

function inner(node: SchemaNode, key: PropertyKey): readonly SchemaNode[] {
  return alternatives(node).flatMap((alternative) => {
    if (typeof key === "number") return alternative.items ? [alternative.items] : [];
    const property = alternative.properties?.[String(key)];
    if (property !== undefined) return [property];
    const any = alternative.additionalProperties;
    return typeof any === "object" ? [any] : [];
  });
}

function alternatives(node: SchemaNode): readonly SchemaNode[] {
  const inside = node.anyOf ?? node.oneOf;
  return inside === undefined ? [node] : inside.flatMap(alternatives);
}
