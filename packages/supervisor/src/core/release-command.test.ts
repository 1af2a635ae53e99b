import type { AppPlan } from "@stack/config";
import { expect, test } from "vitest";
import { releaseCommand, releaseEnvironment } from "./release-command.ts";

const django = {
  kind: "wsgi",
  cwd: "/srv/shop",
  python: "/srv/shop/.venv/bin/python",
  env: { PATH: "/usr/bin", A: "1" },
} as unknown as AppPlan;
const node = { kind: "node", cwd: "/srv/api", env: {} } as unknown as AppPlan;

test("python in a line is the app's own", () => {
  const command = releaseCommand(django, "python manage.py migrate", 0o22);

  expect(command.slice(0, 2)).toEqual(["/bin/sh", "-c"]);
  expect(command.slice(3)).toEqual([
    "/srv/shop/.venv/bin/python",
    "python manage.py migrate",
    "022",
  ]);
});

test("what is installed for the app is found first", () => {
  expect(releaseEnvironment(django, "r2", { A: "2", B: "3" })).toEqual({
    PATH: "/srv/shop/.venv/bin:/usr/bin",
    A: "2",
    B: "3",
    STACK_RELEASE: "r2",
  });
  expect(releaseEnvironment(node, "r1", {})["PATH"]).toMatch(/^\/srv\/api\/node_modules\/.bin:/);
});

test("what the app can import, a line can import", () => {
  const app = { ...django, pythonPath: ["/srv/shop/lib", "/srv/conf"] } as unknown as AppPlan;

  expect(releaseEnvironment(app, "r1", {})).toMatchObject({
    PYTHONPATH: "/srv/shop/lib:/srv/conf",
  });
  expect(releaseEnvironment(app, "r1", { PYTHONPATH: "/x" })).toMatchObject({
    PYTHONPATH: "/srv/shop/lib:/srv/conf:/x",
  });
  expect(releaseEnvironment(django, "r1", {})).not.toHaveProperty("PYTHONPATH");
});
