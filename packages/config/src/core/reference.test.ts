import { expect, test } from "vitest";
import { formatReference } from "./reference.ts";
import { configJsonSchema, type SchemaNode } from "./schema-keys.ts";

test("every key of the schema is on the page, with a description", () => {
  const schema = configJsonSchema();
  const page = formatReference(schema);

  const keys = keysOf(schema, "");
  expect(keys.length).toBeGreaterThan(50);
  for (const { path, key, node } of keys) {
    expect(node.description, `${path}.${key} has no description`).toBeDefined();
    expect(page).toContain(`| \`${key}\` | `);
  }
});

test("the page is the same every time", () => {
  expect(formatReference(configJsonSchema())).toBe(formatReference(configJsonSchema()));
});

test("types, defaults and examples are written as in TypeScript, and cells do not break the table", () => {
  const page = formatReference({
    properties: {
      size: { title: "size", type: ["string", "number"], default: "1mb", description: "a | b" },
      count: { type: "integer", minimum: 1, description: "c", examples: [{ a: ["x"] }] },
      must: { type: "string", description: "d" },
    },
    required: ["must"],
  });

  expect(page).toContain('| `size` | size | `"1mb"` | a \\| b |');
  expect(page).toContain(
    '| `count` | whole number (at least 1) | none | c Example: `{ a: ["x"] }` |',
  );
  expect(page).toContain("| `must` | text | required | d |");
});

function keysOf(
  node: SchemaNode,
  path: string,
): readonly { readonly path: string; readonly key: string; readonly node: SchemaNode }[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([key, inner]) => [
    { path, key, node: inner },
    ...keysOf(inner, `${path}.${key}`),
  ]);
  const any = node.additionalProperties;
  const inside = [
    ...(node.anyOf ?? node.oneOf ?? []),
    ...(node.items ? [node.items] : []),
    ...(typeof any === "object" ? [any] : []),
  ];
  return [...own, ...inside.flatMap((inner) => keysOf(inner, path))];
}
