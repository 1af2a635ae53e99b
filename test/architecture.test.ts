/**
 * The architecture, checked. A package may depend on the packages its row names, and on no other;
 * `turbo boundaries` then checks that imports match the manifests.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const mayUse: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocols: ["base"],
  config: ["base"],
  control: ["base"],
  cache: ["base", "protocols"],
  process: ["base", "control"],
  edge: ["base", "protocols", "config", "control", "cache"],
  appserver: ["base", "protocols", "config", "control", "process"],
  supervisor: ["base", "config", "control", "process"],
  dashboard: ["base", "control"],
  cli: ["base", "config", "control", "process", "dashboard", "edge", "appserver", "supervisor"],
  testkit: ["base", "control"],
};

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

test("every package has a row", () => {
  expect(readdirSync("packages").filter((name) => !(name in mayUse))).toEqual([]);
});

const built = Object.entries(mayUse).filter(([name]) =>
  existsSync(`packages/${name}/package.json`),
);

test.for(built)("%s uses only what it may", ([name, allowed]) => {
  const manifest = JSON.parse(readFileSync(`packages/${name}/package.json`, "utf8")) as Manifest;
  const used = Object.keys(manifest.dependencies ?? {})
    .filter((dependency) => dependency.startsWith("@stack/"))
    .map((dependency) => dependency.slice("@stack/".length));
  expect(used.filter((dependency) => !allowed.includes(dependency))).toEqual([]);
});

test("the table has no cycle", () => {
  const done = new Set<string>();
  for (const _ of Object.keys(mayUse)) {
    for (const [name, uses] of Object.entries(mayUse)) {
      if (uses.every((use) => done.has(use))) done.add(name);
    }
  }
  expect(done).toEqual(new Set(Object.keys(mayUse)));
});

const map = readFileSync("ARCHITECTURE.md", "utf8");

test("every path that ARCHITECTURE.md and the decision records mention exists", () => {
  const records = readdirSync("docs/adr").map((name) => readFileSync(`docs/adr/${name}`, "utf8"));
  const paths = [map, ...records].flatMap((text) => [
    ...text.matchAll(/`((?:packages|test|docs|apps|benches|e2e|scripts)(?:\/[\w.-]+)*)`/g),
  ]);
  expect(paths.length).toBeGreaterThan(50);
  expect(paths.map(([, path]) => path ?? "").filter((path) => !existsSync(path))).toEqual([]);
});

test("ARCHITECTURE.md names every package and every program", () => {
  const packages = readdirSync("packages").map((name) => `packages/${name}`);
  const programs = packages
    .map((folder) => `${folder}/src/bin`)
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => `${folder}/${file}`));
  expect([...packages, ...programs].filter((path) => !map.includes(`\`${path}\``))).toEqual([]);
});
