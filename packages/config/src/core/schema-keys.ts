/** Which keys an object of the config may have: read from the schema, for suggestions. */
import { z } from "zod";
import { configSchema } from "../schema/config.ts";

/** The part of a JSON Schema that is used here and by the reference page. */
export interface SchemaNode {
  readonly type?: string;
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
 * @param value what is written there; its `kind` chooses among alternatives
 */
export function keysAt(path: readonly PropertyKey[], value: unknown): readonly string[] {
  let nodes: readonly SchemaNode[] = [configJsonSchema()];
  for (const key of path) nodes = nodes.flatMap((node) => inner(node, key));
  const objects = nodes.flatMap(alternatives).filter((node) => node.properties !== undefined);
  const kind = (value as { readonly kind?: unknown } | null)?.kind;
  const chosen = objects.filter((node) => node.properties?.["kind"]?.const === kind);
  return [
    ...new Set(
      (chosen.length > 0 ? chosen : objects).flatMap((node) => Object.keys(node.properties ?? {})),
    ),
  ];
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
