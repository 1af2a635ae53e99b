/** Two Python apps behind one edge: what a route changes reaches them, splits and mirrors do too. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./support/stack.ts";

const config = (port: number): string => `{
  name: "routed",
  edge: {
    listen: ["127.0.0.1:${port}"],
    errorPages: { 404: "./missing.html" },
    routes: [
      { path: "/*", app: "shop", replaceErrors: true },
      { path: "/both", split: [{ app: "shop", weight: 1 }, { app: "next", weight: 1 }], sticky: true },
      { path: "/copied/*", app: "shop", mirror: { app: "next" } },
      {
        path: /^\\/v(?<version>\\d+)\\/(.+)$/,
        app: "shop",
        rewrite: "/{2}?version={version}",
        requestHeaders: { set: { "X-Edge": "yes" }, remove: ["Cookie"] },
        responseHeaders: { remove: ["X-App"] },
      },
    ],
  },
  apps: {
    shop: { kind: "wsgi", app: "app:application", workers: 1, env: { NAME: "shop" } },
    next: { kind: "wsgi", app: "app:application", workers: 1, env: { NAME: "next" } },
  },
  redis: false,
}`;

const app = `import os

name = os.environ["NAME"]


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    with open(f"{name}.seen", "ab") as seen:
        seen.write(b"%s %s\\n" % (environ["PATH_INFO"].encode(), body))
    status = "404 Not Found" if environ["PATH_INFO"] == "/missing" else "200 OK"
    start_response(status, [("Content-Type", "text/plain"), ("X-App", name)])
    keys = ("PATH_INFO", "QUERY_STRING", "HTTP_X_EDGE", "HTTP_COOKIE")
    return [" ".join([name, *(environ.get(key, "-") for key in keys)]).encode()]
`;

let project: Project;
beforeAll(async () => {
  project = await createProject(config, { "app.py": app, "missing.html": "<p>not here</p>" });
  await project.up();
});
afterAll(() => project[Symbol.asyncDispose]());

const ask = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://127.0.0.1:${project.port}${path}`, init);

test("an app sees the rewritten path, and the headers the route gives it", async () => {
  const answer = await ask("/v12/a/b?x", { headers: { cookie: "a=b" } });
  expect(await answer.text()).toBe("shop /a/b version=12 yes -");
  expect(answer.headers.has("x-app")).toBe(false);
});

test("a page of our own takes the place of an app's 404", async () => {
  const answer = await ask("/missing");
  expect(answer.status).toBe(404);
  expect(await answer.text()).toBe("<p>not here</p>");
});

test("a visitor of a split stays with one app", async () => {
  const first = await ask("/both");
  const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const own = first.headers.get("x-app");
  for (let round = 0; round < 6; round += 1) {
    expect((await ask("/both", { headers: { cookie } })).headers.get("x-app")).toBe(own);
  }
});

test("a mirror gets the request with its body, and only its own app answers", async () => {
  const answer = await ask("/copied/x", { method: "POST", body: "order" });
  expect(await answer.text()).toMatch(/^shop \/copied\/x /);
  await eventually("the copy", () =>
    readFileSync(join(project.folder, "next.seen"), "utf8").includes("/copied/x order\n"),
  );
});
