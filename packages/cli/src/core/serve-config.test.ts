import { errorFromReport, exitCodes } from "@stack/base";
import { describe, expect, test } from "vitest";
import { planServe, type ServeFlags, type ServePlan } from "./serve-config.ts";
import { explainAsFlags } from "./serve-errors.ts";

const none: ServeFlags = { bind: [], preload: true, trust: [] };

function plan(target: string, flags: Partial<ServeFlags> = {}): ServePlan {
  const made = planServe(target, { ...none, ...flags }, "/srv/shop");
  if ("problem" in made) throw new Error(made.problem);
  return made;
}

test.for<[target: string, name: string, app: object]>([
  ["shop.wsgi:application", "shop", { kind: "wsgi", app: "shop.wsgi:application" }],
  ["shop.wsgi", "shop", { app: "shop.wsgi:application" }],
  ["my_shop:make('a:b', x=1)", "my-shop", { app: "my_shop:make('a:b', x=1)" }],
  ["my_shop:create_app()", "my-shop", { app: "my_shop:create_app()" }],
  ["shop/wsgi.py:app", "shop", { app: "shop.wsgi:app" }],
  ["./app.py", "app", { app: "app:application" }],
  ["./site.wsgi", "site", { app: "./site.wsgi" }],
  ["conf/site.wsgi:app", "conf", { app: "conf/site.wsgi:app" }],
  ["/usr/share/graphite-web/graphite.wsgi", "graphite", { kind: "wsgi" }],
  ["../my-app/web-1.py:make()", "web-1", { app: "../my-app/web-1.py:make()" }],
  ["server.mjs", "server", { kind: "node", entry: "server.mjs" }],
  ["./dist/server.js", "dist", { kind: "node", entry: "./dist/server.js" }],
  ["2048:app", "app", { app: "2048:app" }],
])("%s is served as %s", ([target, name, app]) => {
  const made = plan(target);
  expect(made.name).toBe(name);
  expect(made.config).toMatchObject({ apps: { [name]: { cwd: "/srv/shop", ...app } } });
});

test.for<[bind: string, address: string, protocol: string]>([
  ["8000", "8000", "scgi"],
  [":8000", "0.0.0.0:8000", "scgi"],
  ["[::]:80", "[::]:80", "scgi"],
  ["unix:run/a.sock", "unix:/srv/shop/run/a.sock", "scgi"],
  ["unix:/run/a.sock", "unix:/run/a.sock", "scgi"],
  ["unix:///run/a.sock", "unix:/run/a.sock", "scgi"],
  ["/run/a.sock", "unix:/run/a.sock", "scgi"],
  ["./a.sock", "unix:/srv/shop/a.sock", "scgi"],
  ["uwsgi://127.0.0.1:3031", "127.0.0.1:3031", "uwsgi"],
  ["fastcgi:///run/a.sock", "unix:/run/a.sock", "fastcgi"],
  ["http://unix:a.sock", "unix:/srv/shop/a.sock", "http"],
])("--bind %s is %s", ([bind, address, protocol]) => {
  expect(plan("shop", { bind: [bind], protocol: "scgi" }).binds).toEqual([
    { written: bind, address, protocol },
  ]);
});

test("every flag has its place in the config", () => {
  const { config } = plan("shop:app", {
    bind: ["unix:a.sock", "8000"],
    workers: "4",
    threads: "2",
    python: "py",
    requestTimeout: "45",
    maxRequests: "1000",
    health: "/healthz",
    preload: false,
    socketMode: "0660",
    trust: ["10.0.0.0/8"],
    name: "web",
  });
  expect(config).toMatchObject({
    name: "web",
    redis: false,
    edge: {
      listen: [
        {
          address: "unix:/srv/shop/a.sock",
          protocol: "http",
          frontServer: true,
          socketMode: "0660",
        },
        { address: "8000", protocol: "http", frontServer: true },
      ],
      trustedProxies: ["10.0.0.0/8"],
      routes: [{ path: "/*", app: "web" }],
    },
    apps: {
      web: {
        workers: 4,
        threads: 2,
        python: "py",
        timeout: "45s",
        maxRequests: 1000,
        health: "/healthz",
        preload: false,
      },
    },
  });
});

test.for<[flags: Partial<ServeFlags>, problem: string]>([
  [{ protocol: "fcgi" }, "--protocol fcgi is not known. Use http, uwsgi, fastcgi, scgi"],
  [{ kind: "rack" }, "--kind rack is not known. Use wsgi, asgi, node"],
])("%j is refused", ([flags, problem]) => {
  expect(planServe("shop", { ...none, ...flags }, "/")).toEqual({ problem });
});

describe("an error of the config is told in flags", () => {
  const made = plan("shop:app", { bind: ["8000", "unix:a.sock"] });
  const place = { file: "/x/deploy.config.mjs", line: 3, column: 5 };

  test.for<[configPath: string, fix: string, flag: string, told: string]>([
    ["edge.listen[1]", "edit it", "--bind unix:a.sock", "edit it"],
    ["edge.listen[0].socketMode", "edit it", "--socket-mode", "edit it"],
    ["apps.shop.python", 'apps.shop.python = "x/python"', "--python", "--python x/python"],
    ["apps.shop.app", 'apps.shop.cwd = "…"  # here', "MODULE:APP", "-C …  # here"],
    [
      "apps.shop.app",
      'apps.shop.app = "shop:application"',
      "MODULE:APP",
      "stack serve shop:application …",
    ],
    ["edge.listen[0]", "stack up --port 8001", "--bind 8000", "another --bind"],
  ])("%s, %s", ([configPath, fix, flag, told]) => {
    const error = errorFromReport({
      code: "E3001",
      exit: exitCodes.appNotReady,
      title: "t",
      place: { ...place, configPath },
      fixes: [fix, "edit /x/deploy.config.mjs"],
    });
    expect(explainAsFlags(error, made).report).toMatchObject({
      exit: exitCodes.appNotReady,
      place: { file: "stack serve", configPath: flag },
      fixes: [told],
    });
  });

  test("what the config does not take is wrong use", () => {
    const error = errorFromReport({
      code: "E1002",
      exit: exitCodes.config,
      title: "t",
      place,
      facts: ["deploy.config.mjs:9:3  apps.shop.workers  0 is too small", "", "> 9 | workers"],
      fixes: ["edit line 9"],
    });
    const { report } = explainAsFlags(error, made);
    expect(report).toMatchObject({
      exit: exitCodes.usage,
      facts: ["--workers  0 is too small"],
      fixes: ["stack help serve"],
    });
    expect(report).not.toHaveProperty("place");
  });
});
