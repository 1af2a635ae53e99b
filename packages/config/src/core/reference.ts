/**
 * The reference page of deploy.config.ts, made from the schema: whatever the schema accepts is on
 * the page, with the words it carries.
 */
import { kindOf, type SchemaNode } from "./schema-keys.ts";

/** The whole page as Markdown. Same schema, same text. */
export function formatReference(schema: SchemaNode): string {
  const sections = collectSections(schema);
  return `${[introduction, ...sections.map(formatSection), conclusion].join("\n\n")}\n`;
}

interface Section {
  readonly title: string;
  readonly description: string | undefined;
  readonly node: SchemaNode;
}

/** Every object, in the order of the schema, outer before inner; alternatives are named by their kind. */
function collectSections(schema: SchemaNode): readonly Section[] {
  const sections: Section[] = [];
  const visit = (node: SchemaNode, path: string, description: string | undefined): void => {
    for (const [index, alternative] of objects(node).entries()) {
      const kind = kindOf(alternative);
      sections.push({
        title: kind === undefined ? path : `${path}, kind "${String(kind.const)}"`,
        description: kind === undefined ? description : kind.description,
        node: alternative,
      });
      for (const [key, property] of Object.entries(alternative.properties ?? {})) {
        const isCommon = index > 0 && objects(node)[0]?.properties?.[key] !== undefined;
        if (isCommon) continue; // told in the first alternative
        const inside = path === "" ? key : `${path}.${key}`;
        visit(property, inside, property.description);
      }
    }
    if (node.items) visit(node.items, `${path}[]`, node.description);
    const any = node.additionalProperties;
    if (typeof any === "object") visit(any, `${path}.NAME`, node.description);
  };
  visit(schema, "", undefined);
  return sections;
}

function objects(node: SchemaNode): readonly SchemaNode[] {
  if (node.properties !== undefined) return [node];
  return (node.anyOf ?? node.oneOf ?? []).flatMap(objects);
}

function formatSection({ title, description, node }: Section): string {
  const rows = Object.entries(node.properties ?? {}).map(([key, property]) => {
    const isRequired = node.required?.includes(key) === true && property.default === undefined;
    const cells = [
      `\`${key}\``,
      formatType(property),
      isRequired ? "required" : formatDefault(property),
      formatMeaning(property),
    ];
    return `| ${cells.map(escapeCell).join(" | ")} |`;
  });
  return [
    title === "" ? "## The whole" : `## \`${title}\``,
    ...(description === undefined ? [] : [description]),
    ["| key | type | default | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n"),
  ].join("\n\n");
}

/** "whole number (1 to 64) or `"auto"`" */
function formatType(node: SchemaNode): string {
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives !== undefined) return [...new Set(alternatives.map(formatType))].join(" or ");
  if (node.const !== undefined) return code(node.const);
  if (node.enum !== undefined) return node.enum.map(code).join(", ");
  if (node.title !== undefined) return node.title;
  switch (node.type) {
    case "string":
      return "text";
    case "integer":
      return `whole number${formatRange(node)}`;
    case "number":
      return `number${formatRange(node)}`;
    case "boolean":
      return "`true` or `false`";
    case "array":
      return `list of ${node.items === undefined ? "anything" : formatType(node.items)}`;
    case "object":
      return typeof node.additionalProperties === "object"
        ? `${formatType(node.additionalProperties)} by name`
        : "object";
    default:
      return "anything";
  }
}

function formatRange({ minimum, maximum }: SchemaNode): string {
  const hasMaximum = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (minimum === undefined) return hasMaximum ? ` (at most ${maximum})` : "";
  return hasMaximum ? ` (${minimum} to ${maximum})` : ` (at least ${minimum})`;
}

function formatDefault({ default: value, properties, anyOf }: SchemaNode): string {
  if (value === undefined) return "none";
  const isEmpty = JSON.stringify(value) === "{}";
  return isEmpty && (properties ?? anyOf) !== undefined ? "see below" : code(value);
}

function formatMeaning(node: SchemaNode): string {
  const examples = (node.examples ?? []).map(code).join(", ");
  const meaning = node.description ?? "";
  return examples === "" ? meaning : `${meaning} Example: ${examples}`;
}

function code(value: unknown): string {
  return `\`${formatLiteral(value)}\``;
}

/** As it would be written in TypeScript. */
function formatLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatLiteral).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, inner]) => `${key}: ${formatLiteral(inner)}`);
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  return JSON.stringify(value);
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

const introduction = `# deploy.config.ts

Made by \`npm run docs\` from the schema: do not edit.

\`\`\`ts
import { defineConfig } from "@stack/config";

export default defineConfig({
  name: "shop",
  edge: {
    listen: [8080],
    routes: [
      { path: "/static/*", static: { root: "public" } },
      { path: "/*", app: "shop" },
    ],
  },
  apps: {
    shop: { kind: "wsgi", cwd: "apps/shop", app: "shop.wsgi:application", workers: 2 },
  },
});
\`\`\`

- **File.** \`stack\` takes \`deploy.config.ts\` (or \`.mts\`, \`.js\`, \`.mjs\`) in the folder it is called in, or in the
  nearest parent folder; \`--config FILE\` names another. The default export is an object, or a function (it may be
  \`async\`) that returns one. \`@stack/config\` is always the running stack's own, wherever the file lies.
- **Evaluation.** The file is run in a process of its own, which ends after ten seconds at the latest; only data comes
  out of it. What it prints to standard error is shown by the command that loads it.
- **Paths** are relative to the folder of the file. **Sizes** are \`"10mb"\` (\`b\`, \`kb\`, \`mb\`, \`gb\`; 1 kb is 1024
  bytes) or a number of bytes; **durations** are \`"30s"\` (\`ms\`, \`s\`, \`m\`, \`h\`, \`d\`, \`y\`) or a number of milliseconds.
- **Strict.** A key that is not on this page is an error. All problems are told at once, each with its line.`;

const conclusion = `## Details

**Listeners.** A bare port listens on \`0.0.0.0\`: IPv4, every interface. IPv6 is said explicitly, \`"[::]:8080"\` (with
IPv4 too, where the system allows it; then leave the bare port out) or \`"[::1]:8080"\`.

**Routes.** The most specific route wins, whatever the order: a route with \`host\` before one without, an exact path
before a prefix, a longer prefix before a shorter one. Exactly one of \`static\`, \`app\`, \`upstream\`, \`respond\` and
\`redirect\` answers; or \`static\` with an app or upstream, which gets what is no file (nginx's \`try_files $uri @app\`).

**Python** is the app's \`python\` (a path, or a name on the PATH such as \`"python3.12"\`); else \`.venv/bin/python\` or
\`venv/bin/python\` in the app's \`cwd\`, then beside the config; else the first \`python3\` on the PATH. Folders that npm
and npx put on the PATH do not count.

**Redis.** With \`"auto"\`: \`REDIS_URL\` of stack's own environment if it is set; else a \`redis-server\` on the PATH, which
stack then runs; else none.

**Environment of apps.** Stack's own, without \`npm_*\`; then \`REDIS_URL\` (where there is one; the managed server is at
a \`unix://\` address) and \`STACK_APP\`; then the app's \`env\`; then \`STACK_INSTANCE\`, \`STACK_WORKER\`, \`STACK_RELEASE\`,
and \`PORT\` for kind \`"command"\`.

**Names** of apps and programs share one space, since commands use them alone (\`stack restart shop\`); \`edge\`, \`redis\`,
\`keeper\` and \`stackd\` are taken.`;
