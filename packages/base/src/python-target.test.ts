import { expect, test } from "vitest";
import { parsePythonTarget, pythonTargetPattern } from "./python-target.ts";

test.for([
  ["shop.wsgi:application", { kind: "module", module: "shop.wsgi", callable: "application" }],
  ["shop:make('a/b.py')", { kind: "module", module: "shop", callable: "make('a/b.py')" }],
  ["./site.wsgi", { kind: "file", path: "./site.wsgi", callable: undefined }],
  ["conf/site.wsgi:app", { kind: "file", path: "conf/site.wsgi", callable: "app" }],
  [
    "/usr/share/graphite-web/graphite.wsgi",
    { kind: "file", path: "/usr/share/graphite-web/graphite.wsgi", callable: undefined },
  ],
  ["app.py", { kind: "file", path: "app.py", callable: undefined }],
  ["app.py:create_app()", { kind: "file", path: "app.py", callable: "create_app()" }],
  ["my app/site-1.wsgi", { kind: "file", path: "my app/site-1.wsgi", callable: undefined }],
] as const)("%s", ([target, expected]) => {
  expect(target).toMatch(pythonTargetPattern);
  expect(parsePythonTarget(target)).toEqual(expected);
});

test.for(["shop", "shop.wsgi", "shop:", "a b:app", "conf/", "conf/site.wsgi:", "conf/x.py:a-b"])(
  "%s is neither",
  (target) => {
    expect(target).not.toMatch(pythonTargetPattern);
  },
);
