import { setFlagsFromString } from "node:v8";
import type { EdgePlan, EdgeSettings, RoutePlan } from "@stack/config";
import { expect, test } from "vitest";
import { type Explanation, explainRequest } from "./explain-request.ts";

setFlagsFromString("--enable-experimental-regexp-engine");

const none = { methods: [], headers: [], query: [], cookies: [], clients: [] };

function route(
  path: string,
  action: RoutePlan["action"],
  more: Partial<RoutePlan> = {},
): RoutePlan {
  const isPrefix = path.endsWith("/*");
  return {
    host: null,
    path: isPrefix ? path.slice(0, -2) || "/" : path,
    match: isPrefix ? "prefix" : "exact",
    stripPrefix: false,
    action,
    source: `deploy.config.ts:${path.length}`,
    ...more,
  };
}

const web = { kind: "app", app: "web" } as const;
const plan: EdgePlan = {
  trustedProxies: ["10.0.0.1"],
  limits: {
    headerBytes: 32_768,
    headerCount: 100,
    bodyBytes: 1_000,
    bufferBytes: 1_000,
    connections: 10,
  },
  timeoutsMs: { header: 1, body: 2, idle: 3, connect: 4, firstByte: 5 },
  accessLog: null,
  routes: [
    route("/*", web),
    route("/beta/*", web, { conditions: { ...none, headers: [["x-beta", "1"]] } }),
    route("/api/*", { kind: "upstream", upstream: "api" }, { stripPrefix: true }),
    route("/static/*", { kind: "static", root: "/srv/public" }),
    route("/go", { kind: "redirect", to: "https://new.test/{query}", status: 308 }),
    route("/edit/*", web, {
      rewrite: "/new{rest}",
      requestHeaders: { set: [["X-A", "1"]], add: [], remove: ["Cookie"] },
    }),
    route("/office/*", web, { conditions: { ...none, clients: ["192.0.2.9"] } }),
    route("/hidden/*", { kind: "static", root: "/srv/secret" }, { internal: true }),
  ],
  upstreams: {},
  apps: { web: { timeoutMs: 30_000, queueLimit: 7, queueTimeoutMs: 9_000 } },
};
const edge: EdgeSettings = {
  listeners: [
    { name: "edge.listen[0]", address: { kind: "tcp", host: "0.0.0.0", port: 8080 } },
    { name: "edge.listen[1]", address: { kind: "tcp", host: "127.0.0.1", port: 9090 } },
  ],
  threads: 1,
  plan,
};

function explain(url: string, headers: readonly string[] = [], peer = "127.0.0.1"): Explanation {
  const networks = (list: readonly string[]) => (address: string) => list.includes(address);
  return explainRequest({ edge, method: "GET", url, headers, peer }, networks);
}

test.for([
  ["/x", "/*", "app web"],
  ["/api/users?q", "/api/*", "upstream api"],
  ["/static/a%20b.css", "/static/*", "file /srv/public/a b.css"],
  ["/static/.git/config", "/static/*", "answered 404: no file can have this name"],
  ["/go?a=b", "/go", "redirect 308 to https://new.test/?a=b"],
  ["/hidden/x", "/hidden/*", "answered 404: this route is internal"],
] as const)("%s is of route %s: %s", ([url, path, text]) => {
  const explanation = explain(url);
  expect(explanation.route?.path).toBe(path);
  expect(explanation.action.text).toBe(text);
});

test("it says what the app is asked for", () => {
  expect(explain("/api/users?q").forwarded).toEqual({
    target: "/users?q",
    strippedPrefix: "/api",
    rewrittenBy: null,
  });
  const edited = explain("/edit/a%7eb?q", ["Cookie: a=b"]);
  expect(edited.forwarded?.target).toBe("/new/a~b?q");
  expect(edited.changes.requestHeaders).toEqual(["set X-A: 1", "remove Cookie"]);
  expect(edited.limits).toMatchObject({ bodyBytes: 1_000, appMs: 30_000, queue: 7 });
});

test("it says why the others are not it, the nearest first", () => {
  const { others } = explain("/beta/x");
  expect(others[0]).toMatchObject({ path: "/beta/*", why: "asks for header x-beta = 1" });
  expect(explain("/beta/x", ["X-Beta: 1"]).others[0]).toMatchObject({
    path: "/*",
    why: "deploy.config.ts:7 is more specific: its path is longer",
  });
});

test("the client is whom a trusted proxy names", () => {
  const headers = ["X-Forwarded-For: 192.0.2.9"];
  expect(explain("/office/x", headers, "10.0.0.1").route?.path).toBe("/office/*");
  expect(explain("/office/x", headers, "10.0.0.2").route?.path).toBe("/*");
});

test("the listener is found by its port", () => {
  expect(explain("http://a.test:9090/x").listener.name).toBe("edge.listen[1]");
  expect(explain("http://a.test/x").listener).toMatchObject({ name: null });
  expect(explain("/x").listener.name).toBe("edge.listen[0]");
});

test("what is no request is refused as the edge would", () => {
  expect(explain("/a/%zz").refused).toMatchObject({ status: 400 });
  expect(explain("/x", ["Transfer-Encoding: nonsense"]).refused).toMatchObject({ status: 501 });
  expect(explain("/x", ["Content-Length: 1", "Content-Length: 2"]).action.kind).toBe("refused");
});

test.each([
  ["GET", "/shop?b=2&a=1", [], "http://localhost/shop?a=1&b=2"],
  ["HEAD", "http://shop.test/x", [], "http://shop.test/x"],
  ["POST", "/shop", [], null],
  ["GET", "/shop", ["Cookie: session=1"], null],
  ["GET", "/shop", ["Cache-Control: no-store"], null],
] as const)("%s %s with %j has the cache key %s", (method, url, headers, key) => {
  const cache: RoutePlan["cache"] = {
    mode: "http",
    ttlMs: 1_000,
    key: { host: true, query: "sorted", headers: [], cookies: [] },
    bypass: { headers: [], cookies: ["session"] },
    methods: ["GET", "HEAD"],
    negativeTtlMs: 0,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    staleWhileDownMs: 0,
    maxBytes: 1024,
    storeSetCookie: false,
    status: true,
  };
  const routes = [route("/*", web, { cache })];
  const asked = { edge: { ...edge, plan: { ...plan, routes } }, method, url, headers };
  const explained = explainRequest({ ...asked, peer: "127.0.0.1" }, () => () => false);
  expect(explained.cache?.key).toBe(key);
});
