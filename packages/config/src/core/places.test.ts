import { expect, test } from "vitest";
import { placeOf } from "./place-of.ts";
import { readPlaces } from "./places.ts";

/** "line:column" of each key of a source. */
function placesIn(source: string): Readonly<Record<string, string>> {
  const reading = readPlaces(source, "deploy.config.ts");
  if (reading.kind !== "places") throw new Error(reading.message);
  return Object.fromEntries(
    Object.entries(reading.places).map(([path, { line, column }]) => [path, `${line}:${column}`]),
  );
}

test.for([
  ["an object", "export default { name: 1 };", "1:18"],
  ["a call", "export default defineConfig({ name: 1 });", "1:31"],
  ["a constant", "export default { name: 1 } as const;", "1:18"],
  ["a type", "export default { name: 1 } satisfies Config as Config;", "1:18"],
  ["a variable", "const c = { name: 1 };\nexport default c;", "1:13"],
  [
    "an exported variable",
    "export const c = { name: 1 };\nexport default defineConfig(c);",
    "1:20",
  ],
  ["an arrow function", "export default () => ({ name: 1 });", "1:25"],
  [
    "an async function",
    "export default defineConfig(async () => {\n  return { name: 1 };\n});",
    "2:12",
  ],
  [
    "a named function",
    "export default function make() { const c = { name: 1 }; return c; }",
    "1:46",
  ],
  ["a function elsewhere", "function make() { return { name: 1 }; }\nexport default make;", "1:28"],
  [
    "a call of a function",
    "function make() { return { name: 1 }; }\nexport default await make();",
    "1:28",
  ],
  ["a spread", "const base = { name: 1 };\nexport default { ...base };", "1:16"],
  [
    "a later key over a spread",
    "const base = { name: 1 };\nexport default { ...base, name: 2 };",
    "2:27",
  ],
  ["a quoted key", 'export default { "name": 1 };', "1:18"],
  ["a shorthand", "const name = 1;\nexport default { name };", "2:18"],
] as const)("a key in %s has its place", ([, source, expected]) => {
  expect(placesIn(source)).toMatchObject({ name: expected });
});

test("lists and objects are followed all the way down", () => {
  const source = `const routes = [
  { path: "/", app: "web" },
];
export default {
  edge: { listen: [8080, "unix:x"], routes },
  apps: { "my-app": { env: { "A.B": "x" } } },
};`;

  expect(placesIn(source)).toEqual({
    edge: "5:3",
    "edge.listen": "5:11",
    "edge.listen[0]": "5:20",
    "edge.listen[1]": "5:26",
    "edge.routes": "5:37",
    "edge.routes[0]": "2:3",
    "edge.routes[0].path": "2:5",
    "edge.routes[0].app": "2:16",
    apps: "6:3",
    "apps.my-app": "6:11",
    "apps.my-app.env": "6:23",
    'apps.my-app.env["A.B"]': "6:30",
  });
});

test.for([
  "export default make();",
  "import config from './other.ts'; export default config;",
  "export default { [name]: 1 };",
  "export default cond ? { name: 1 } : { name: 2 };",
  "export default { ...imported };",
  "const a = b; const b = a; export default a;",
  "const a = { ...a }; export default a;",
  "module.exports = {};",
  "",
])("what cannot be followed has no place and is no error: %s", (source) => {
  expect(placesIn(source)).not.toHaveProperty("name");
});

test("a syntax error is told with its line and column, from 1", () => {
  expect(readPlaces("export default {\n  a: 1,,\n};", "x.ts")).toEqual({
    kind: "syntax-error",
    message: "Unexpected token",
    line: 2,
    column: 8,
  });
});

test("short values are kept as written; objects and what may be a secret are not", () => {
  const reading = readPlaces(
    `export default { listen: [80,\n 81], apps: { a: { env: { KEY: "hunter2" } } }, redis: { url: "redis://:pw@h" }, long: "${"x".repeat(100)}" };`,
    "x.ts",
  );

  if (reading.kind !== "places") throw new Error(reading.message);
  expect(reading.places).toMatchObject({
    listen: { value: "[80, 81]" },
    long: { value: `"${"x".repeat(58)}…` },
  });
  expect(JSON.stringify(reading.places)).not.toMatch(/hunter2|:pw@/);
});

test("a key without a place has that of the nearest key around it, under its own name", () => {
  const places = { "apps.web": { file: "x.ts", line: 3, column: 5, configPath: "apps.web" } };

  expect(placeOf(places, ["apps", "web", "kind"], "x.ts")).toEqual({
    file: "x.ts",
    line: 3,
    column: 5,
    configPath: "apps.web.kind",
  });
  expect(placeOf(places, ["edge"], "x.ts")).toEqual({ file: "x.ts", configPath: "edge" });
  expect(placeOf(places, [], "x.ts")).toEqual({ file: "x.ts" });
  expect(placeOf(places, ["constructor"], "x.ts")).toEqual({
    file: "x.ts",
    configPath: "constructor",
  });
});
