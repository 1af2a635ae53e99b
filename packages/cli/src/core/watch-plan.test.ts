import type { ResolvedConfig } from "@stack/config";
import { expect, test } from "vitest";
import { ownerOf, planWatch } from "./watch-plan.ts";

const config = {
  file: "/srv/deploy.config.ts",
  edge: {
    plan: {
      routes: [
        { action: { kind: "static", root: "/srv/shop/media" } },
        { action: { kind: "static", root: "/srv" } },
        { action: { kind: "app", app: "shop" } },
      ],
    },
  },
  apps: {
    shop: { name: "shop", cwd: "/srv/shop", python: "/srv/shop/env/bin/python" },
    admin: { name: "admin", cwd: "/srv/shop", python: "/usr/bin/python3" },
    api: { name: "api", cwd: "/srv/shop/api" },
    root: { name: "root", cwd: "/srv" },
    charts: { name: "charts", cwd: "/srv/charts", app: "/usr/share/charts/charts.wsgi" },
    site: { name: "site", cwd: "/srv/site", app: "../conf/./site.wsgi:app" },
  },
} as unknown as ResolvedConfig;
const plan = planWatch(config, "/srv/.stack");

const cases: readonly (readonly [path: string, owner: "config" | readonly string[] | null])[] = [
  ["/srv/deploy.config.ts", "config"],
  ["/srv/shop/views.py", ["shop", "admin"]],
  ["/srv/shop/templates/deep/page.html", ["shop", "admin"]],
  ["/srv/shop/api/server.mjs", ["api"]],
  ["/srv/shop/.env", ["shop", "admin"]],
  ["/srv/lib.py", ["root"]],
  ["/srv/shopping/list.py", ["root"]],
  ["/usr/share/charts/charts.wsgi", ["charts"]],
  ["/usr/share/charts/settings.py", null],
  ["/srv/conf/site.wsgi", ["site"]],
  ["/etc/passwd", null],
  ["/srv/shop/media/cat.jpg", null],
  ["/srv/.stack/run/x", null],
  ["/srv/shop/env/lib/x.py", null],
  ["/srv/shop/.git/HEAD", null],
  ["/srv/shop/api/node_modules/x/index.js", null],
  ["/srv/shop/__pycache__/views.cpython-311.pyc", null],
  ["/srv/shop/.views.py.swp", null],
  ["/srv/shop/views.py~", null],
  ["/srv/shop/db.sqlite3", null],
  ["/srv/shop/db.sqlite3-journal", null],
  ["/srv/shop/debug.log", null],
  ["/srv/shop/#views.py#", null],
];

test.each(cases)("whose %s is", (path, wanted) => {
  const owner = ownerOf(plan, path);
  expect(owner.kind === "apps" ? owner.names : owner.kind === "config" ? "config" : null).toEqual(
    wanted,
  );
});

test("a folder of the system is no environment of an app's own", () => {
  expect(plan.ignored).toContain("/srv/shop/env");
  expect(plan.folders).toEqual(["/srv/shop", "/srv/shop/api", "/srv", "/srv/charts", "/srv/site"]);
});
