import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ErrorReport, StackError } from "@stack/base";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { findConfig } from "../src/io/find-config.ts";
import { writeFiles } from "./load.ts";

function reportOfMissing(cwd: string, explicit?: string): ErrorReport {
  try {
    throw new Error(`found ${findConfig(cwd, explicit)}`);
  } catch (error) {
    if (error instanceof StackError) return error.report;
    throw error;
  }
}

test.for(["deploy.config.ts", "deploy.config.mts", "deploy.config.js", "deploy.config.mjs"])(
  "%s is found in the folder and from folders below it",
  (name) => {
    using folder = tempFolder();
    writeFiles(folder.path, { [name]: "", "a/b/x": "" });

    expect(findConfig(folder.path)).toBe(join(folder.path, name));
    expect(findConfig(join(folder.path, "a/b"))).toBe(join(folder.path, name));
  },
);

test("the nearest config wins, and TypeScript before JavaScript", () => {
  using folder = tempFolder();
  const names = { "deploy.config.ts": "", "a/deploy.config.js": "", "a/deploy.config.ts": "" };
  writeFiles(folder.path, names);

  expect(findConfig(join(folder.path, "a"))).toBe(join(folder.path, "a/deploy.config.ts"));
});

test("a folder of that name is no config", () => {
  using folder = tempFolder();
  mkdirSync(join(folder.path, "deploy.config.ts"));

  expect(reportOfMissing(folder.path).code).toBe("E1000");
});

test("--config names a file, or the folder of one, relative to where the command runs", () => {
  using folder = tempFolder();
  writeFiles(folder.path, { "other.ts": "", "shop/deploy.config.ts": "" });

  expect(findConfig(folder.path, "other.ts")).toBe(join(folder.path, "other.ts"));
  expect(findConfig(folder.path, "shop")).toBe(join(folder.path, "shop/deploy.config.ts"));
  expect(findConfig("/", join(folder.path, "other.ts"))).toBe(join(folder.path, "other.ts"));
});

test("--config that does not exist is E1000 with the path, and the config that is near", () => {
  using folder = tempFolder();
  writeFiles(folder.path, { "deploy.config.ts": "" });

  expect(reportOfMissing(folder.path, "deploy.ts")).toMatchObject({
    code: "E1000",
    exit: 3,
    title: "No config at deploy.ts",
    facts: [`looked for ${join(folder.path, "deploy.ts")}`],
    fixes: [`--config ${join(folder.path, "deploy.config.ts")}`],
  });
});

test.for([
  ["nothing", {}, null, 'static: { root: "." }'],
  [
    "a Django project",
    { "manage.py": "", "shop/wsgi.py": "" },
    "a Django project (manage.py, shop/wsgi.py)",
    'app: "shop.wsgi:application"',
  ],
  ["a Flask app", { "app.py": "" }, "a Python web app (app.py)", 'app: "app:app"'],
  [
    "a Node project",
    { "package.json": "{}", "server.js": "" },
    "a Node project (package.json, server.js)",
    'kind: "node", entry: "server.js"',
  ],
  [
    "a Node project without a server",
    { "package.json": "{}" },
    "a Node project (package.json)",
    '["npm", "start"]',
  ],
] as const)(
  "no config beside %s is E1000, with what it looks like and a config to start from",
  ([, files, looksLike, fix]) => {
    using folder = tempFolder();
    writeFiles(folder.path, { "x/y": "", ...files });

    const report = reportOfMissing(folder.path);

    expect(report).toMatchObject({
      code: "E1000",
      exit: 3,
      title: "No deploy.config.ts here or in any parent folder",
    });
    expect(report.facts?.[0]).toContain(`looked in ${folder.path}, `);
    expect(report.facts?.[1]).toBe(
      looksLike === null ? undefined : `this folder looks like ${looksLike}`,
    );
    expect(report.fixes[0]).toContain(`write ${join(folder.path, "deploy.config.ts")}: `);
    expect(report.fixes[0]).toContain(fix);
  },
);
