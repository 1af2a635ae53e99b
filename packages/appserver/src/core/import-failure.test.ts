import { expect, test } from "vitest";
import { type ImportFailure, importError } from "./import-failure.ts";

const app = {
  name: "web",
  cwd: "/srv/shop",
  target: "app.main:application",
  key: "app",
  place: { file: "deploy.config.ts", line: 8, column: 10, configPath: "apps.web" },
};
const missing: ImportFailure = {
  kind: "attribute-missing",
  module: "app.main",
  name: "application",
  found: ["app (Flask)", "create_app (function)"],
  traceback: "",
};

test("a missing name is answered with what the module defines", () => {
  const { report } = importError(app, missing);
  expect(report).toMatchObject({
    code: "E3001",
    title: 'web: cannot import "app.main:application"',
    place: { configPath: "apps.web.app", line: 8, value: "app.main:application" },
    facts: [
      'app.main exists, but has no name "application". It defines: app (Flask), create_app (function)',
    ],
  });
  expect(report.fixes[0]).toBe('apps.web.app = "app.main:app"');
});

test("a traceback keeps its last twenty lines", () => {
  const traceback = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`).join("\n");
  const { report } = importError(app, { ...missing, kind: "error", found: [], traceback });
  expect(report.code).toBe("E3002");
  expect(report.facts).toHaveLength(20);
  expect(report.facts?.at(-1)).toBe("line 30");
});

test("what is not installed is to be installed for the Python that was tried", () => {
  const traceback =
    "Traceback (most recent call last):\nModuleNotFoundError: No module named 'flask.json'\n";
  const failed: ImportFailure = { ...missing, kind: "error", found: [], traceback };

  const [install, other] = importError({ ...app, python: "/usr/bin/python3" }, failed).report.fixes;

  expect(install).toMatch(/^\/usr\/bin\/python3 -m pip install flask /);
  expect(other).toMatch(/^apps\.web\.python = /);
});

test("hooks that fail are named, with their place in the config", () => {
  const failed: ImportFailure = {
    ...missing,
    kind: "error",
    found: [],
    traceback: "RuntimeError: no licence",
    target: "/srv/shop/hooks.py:on_boot",
    key: "hooks",
  };

  const { report } = importError(app, failed);

  expect(report.title).toContain("/srv/shop/hooks.py:on_boot");
  expect(report.place?.configPath).toMatch(/hooks$/);
});

test("a file that is not there is told by its path, and the one that was meant", () => {
  const failed: ImportFailure = {
    kind: "module-not-found",
    module: "conf/sit.wsgi",
    name: "app",
    found: ["conf/site.wsgi"],
    traceback: "",
  };

  const { report } = importError({ ...app, target: "conf/sit.wsgi:app" }, failed);

  expect(report.code).toBe("E3001");
  expect(report.facts).toEqual([
    `there is no file ${app.cwd}/conf/sit.wsgi`,
    "there are: conf/site.wsgi",
  ]);
  expect(report.fixes).toEqual(['apps.web.app = "conf/site.wsgi:app"']);
});
