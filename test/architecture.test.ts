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
