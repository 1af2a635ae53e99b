/**
 * What routes change about requests and answers, over one real edge and real servers behind it:
 * conditions, templates, headers, CORS, error pages, splits and mirrors.
 */
import { once } from "node:events";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { RoutePlan } from "@stack/config";
import { eventually, exchangeRaw, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";

interface Seen {
  readonly server: string;
  readonly request: IncomingMessage;
  readonly body: string;
}

const seen: Seen[] = [];
const folder = tempFolder();
let edge: EdgeProcess;
const closers: (() => void)[] = [];

async function startServer(name: string): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => {
      body += piece.toString("latin1");
    });
    request.on("end", () => {
      seen.push({ server: name, request, body });
      const status = Number(/\/status\/(\d+)/.exec(request.url ?? "")?.[1] ?? 200);
      response.setHeader("X-Server", name);
      response.setHeader("X-Secret", "inner");
      response.setHeader("Access-Control-Allow-Origin", "https://anybody.test");
      if (status === 401) response.setHeader("WWW-Authenticate", "Basic");
      response.statusCode = status;
      if (request.url?.startsWith("/hang") !== true) response.end(`${name} ${request.url}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const one = { kind: "upstream", upstream: "one" } as const;
const none = { methods: [], headers: [], query: [], cookies: [], clients: [] };
const nothing = { set: [], add: [], remove: [] };

function pattern(source: string, at: string, action: RoutePlan["action"]): RoutePlan {
  return {
    ...route(`${at}/*`, action),
    path: at || "/",
    match: "pattern",
    pattern: { source, written: `/${source}/` },
  };
}

const routes: readonly RoutePlan[] = [
  route("/*", one),
  {
    ...route("/*", { kind: "respond", status: 200, body: "local", type: "text/plain" }),
    host: "*.wild.test",
    conditions: { ...none, clients: ["127.0.0.0/8"], methods: ["GET"] },
  },
  { ...route("/old/*", one), rewrite: "/new{rest}" },
  { ...route("/query/*", one), rewrite: "/q?a=1{query}" },
  { ...pattern("^\\/v(\\d+)\\/(?<rest2>.*)$", "", one), rewrite: "/{rest2}/{1}" },
  pattern("^\\/go\\/(\\w+)$", "/go", {
    kind: "redirect",
    to: "https://{1}.example.com/",
    status: 302,
  }),
  {
    ...route("/headers/*", one),
    requestHeaders: {
      set: [["X-Set", "ours"]],
      add: [["X-Added", "too"]],
      remove: ["X-Gone", "Cookie"],
    },
    responseHeaders: {
      set: [["X-Secret", "outer"]],
      add: [["X-More", "1"]],
      remove: ["Access-Control-Allow-Origin"],
    },
  },
  {
    ...route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
    responseHeaders: { ...nothing, set: [["X-Fixed", "yes"]] },
  },
  {
    ...route("/cors/*", one),
    cors: {
      origins: ["https://app.test"],
      methods: ["GET", "PUT"],
      headers: ["content-type"],
      expose: ["x-server"],
      credentials: true,
      maxAgeS: 600,
    },
  },
  { ...route("/replaced/*", one), rewrite: "{rest}", replaceErrors: true },
  { ...route("/passed/*", one), rewrite: "{rest}" },
  route("/split/*", {
    kind: "split",
    choices: [
      { target: { kind: "upstream", name: "one" }, weight: 1 },
      { target: { kind: "upstream", name: "two" }, weight: 1 },
    ],
    sticky: { cookie: "variant", maxAgeS: 60 },
  }),
  {
    ...route("/mirror/*", one),
    rewrite: "/mirrored{rest}",
    mirror: { target: { kind: "upstream", name: "two" }, share: 1 },
  },
  {
    ...route("/hang/*", one),
    rewrite: "/fine",
    mirror: { target: { kind: "upstream", name: "three" }, share: 1 },
  },
];

beforeAll(async () => {
  const servers = await Promise.all(["one", "two", "three"].map(startServer));
  mkdirSync(join(folder.path, "pages"));
  writeFileSync(join(folder.path, "pages/404.html"), "<p>our page: nothing here ü</p>");
  writeFileSync(join(folder.path, "pages/5xx.html"), "<p>our page: trouble</p>");
  edge = await startEdge({
    threads: 1,
    plan: {
      routes,
      errorPages: {
        404: join(folder.path, "pages/404.html"),
        "5xx": join(folder.path, "pages/5xx.html"),
      },
      upstreams: {
        one: { servers: [servers[0] ?? ""] },
        two: { servers: [servers[1] ?? ""] },
        three: { servers: ["127.0.0.1:1"] },
      },
    },
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  for (const close of closers) close();
  folder[Symbol.dispose]();
});

function ask(target: string, fields = "", method = "GET", body = ""): Promise<string> {
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  const host = /^host:/im.test(fields) ? "" : "Host: shop.test\r\n";
  const head = `${method} ${target} HTTP/1.1\r\n${host}Connection: close\r\n${length}${fields}\r\n`;
  return exchangeRaw(edge.target, [head + body]);
}

function lastTo(server: string): Seen | undefined {
  return seen.findLast((one) => one.server === server);
}

test("conditions and wildcard hosts decide over a real connection", async () => {
  expect(await ask("/", "Host: a.wild.test\r\n")).toMatch(/\r\n\r\nlocal$/);
  expect(await ask("/", "Host: a.wild.test\r\n", "POST", "x")).toMatch(/\r\n\r\none \/$/);
  expect(await ask("/", "Host: wild.test\r\n")).toMatch(/\r\n\r\none \/$/);
});

test.for([
  ["/old/a%20b?x=1", "/new/a%20b?x=1"],
  ["/old", "/new"],
  ["/query/x", "/q?a=1"],
  ["/query/x?b=2", "/q?a=1&b=2"],
  ["/v12/a/b?x", "/a/b/12?x"],
  ["/vx/a", "/vx/a"],
] as const)("%s reaches the upstream as %s", async ([target, expected]) => {
  expect(await ask(target)).toMatch(new RegExp(`\r\n\r\none ${expected.replace("?", "\\?")}$`));
});

test("a redirect is filled with what the path caught", async () => {
  expect(await ask("/go/shop")).toContain("\r\nLocation: https://shop.example.com/\r\n");
});

test("request headers are set, added and removed; the rest is as it came", async () => {
  await ask(
    "/headers/x",
    "X-Set: theirs\r\nX-Gone: 1\r\nCookie: a=b\r\nX-Kept: k\r\nX-Added: one\r\n",
    "POST",
    "hello",
  );
  const { request, body } = lastTo("one") ?? expect.fail("nothing came");
  expect(body).toBe("hello");
  expect(request.url).toBe("/headers/x");
  expect(request.headers).toMatchObject({
    "x-set": "ours",
    "x-added": "one, too",
    "x-kept": "k",
    host: "shop.test",
    "x-forwarded-host": "shop.test",
  });
  expect(request.headers).not.toHaveProperty("x-gone");
  expect(request.headers).not.toHaveProperty("cookie");
});

test("response headers are set, added and removed, on prepared answers too", async () => {
  const answer = await ask("/headers/x");
  expect(answer).toContain("\r\nX-Secret: outer\r\n");
  expect(answer).not.toContain("inner");
  expect(answer).toContain("\r\nX-More: 1\r\n");
  expect(answer).not.toMatch(/access-control/i);
  expect(await ask("/fixed")).toMatch(/\r\nX-Fixed: yes\r\n.*\r\n\r\nfixed\n$/s);
});

test("a preflight is answered by the edge, and only for origins that may", async () => {
  const before = seen.length;
  const asked = "Access-Control-Request-Method: PUT\r\n";
  const good = await ask("/cors/x", `Origin: https://app.test\r\n${asked}`, "OPTIONS");
  expect(good).toMatch(/^HTTP\/1\.1 204 /);
  expect(good).toContain("\r\nAccess-Control-Allow-Origin: https://app.test\r\n");
  expect(good).toContain("\r\nAccess-Control-Allow-Methods: GET, PUT\r\n");
  expect(good).toContain("\r\nAccess-Control-Allow-Credentials: true\r\n");
  expect(good).toContain("\r\nAccess-Control-Max-Age: 600\r\n");
  expect(good).toContain("\r\nVary: Origin\r\n");
  const bad = await ask("/cors/x", `Origin: https://evil.test\r\n${asked}`, "OPTIONS");
  expect(bad).toMatch(/^HTTP\/1\.1 204 /);
  expect(bad).not.toMatch(/access-control/i);
  expect(seen.length).toBe(before);
});

test("an answer says who may read it, whatever the app says", async () => {
  const good = await ask("/cors/x", "Origin: https://app.test\r\n");
  expect(good.match(/^access-control-allow-origin: .*$/gim)).toEqual([
    "Access-Control-Allow-Origin: https://app.test",
  ]);
  expect(good).toContain("\r\nAccess-Control-Expose-Headers: x-server\r\n");
  const bad = await ask("/cors/x", "Origin: https://evil.test\r\n");
  expect(bad).not.toMatch(/access-control/i);
  expect(bad).toContain("\r\nVary: Origin\r\n");
});

test("pages of our own take the place of an app's errors, with its status", async () => {
  const missing = await ask("/replaced/status/404");
  expect(missing).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  expect(missing).toContain("\r\nContent-Type: text/html; charset=utf-8\r\n");
  expect(Buffer.from(missing, "latin1").toString()).toMatch(/our page: nothing here ü<\/p>$/);
  expect(await ask("/replaced/status/502")).toMatch(/^HTTP\/1\.1 502 .*our page: trouble<\/p>$/s);
  expect(await ask("/replaced/status/401")).toMatch(/^HTTP\/1\.1 401 .*one \/status\/401$/s);
  expect(await ask("/passed/status/404")).toMatch(/^HTTP\/1\.1 404 .*one \/status\/404$/s);
  expect(await ask("/replaced/status/200")).toMatch(/^HTTP\/1\.1 200 .*one \/status\/200$/s);
});

test("an error page has no body for HEAD, and its length", async () => {
  const answer = await ask("/replaced/status/404", "", "HEAD");
  expect(answer).toMatch(/^HTTP\/1\.1 404 .*\r\nContent-Length: 32\r\n.*\r\n\r\n$/s);
});

test("a changed error page is seen without a reload, one that went away stays", async () => {
  const file = join(folder.path, "pages/404.html");
  writeFileSync(`${file}.new`, "changed");
  renameSync(`${file}.new`, file);
  await eventually("the new page", async () =>
    (await ask("/replaced/status/404")).endsWith("\r\n\r\nchanged"),
  );
  renameSync(file, `${file}.away`);
  expect(await ask("/replaced/status/404")).toMatch(/\r\n\r\nchanged$/);
});

test("a split keeps a visitor where the first request went", async () => {
  const first = await ask("/split/x");
  const cookie =
    /\r\nSet-Cookie: (variant=[\w-]{12}); Path=\/; Max-Age=60; HttpOnly; SameSite=Lax\r\n/;
  const token = cookie.exec(first)?.[1] ?? "";
  expect(token).not.toBe("");
  const server = /\r\nX-Server: (\w+)/.exec(first)?.[1];
  for (let round = 0; round < 10; round += 1) {
    const again = await ask("/split/x", `Cookie: a=b; ${token}\r\n`);
    expect(again).toContain(`\r\nX-Server: ${server}\r\n`);
    expect(again).not.toContain("Set-Cookie");
  }
  const all = new Set<string | undefined>();
  await eventually("both to have a share", async () => {
    all.add(/\r\nX-Server: (\w+)/.exec(await ask("/split/x", "Cookie: variant=made-up\r\n"))?.[1]);
    return all.size === 2;
  });
});

test("a mirror gets the same request and answers nobody", async () => {
  const answer = await ask("/mirror/x?y", "X-Kept: k\r\n", "POST", "copied");
  expect(answer).toMatch(/\r\n\r\none \/mirrored\/x\?y$/);
  const { request, body } = await eventually("the copy", () => lastTo("two"));
  await eventually("the copy itself", () => lastTo("two")?.body === "copied");
  expect(body === "copied" ? request.url : "/mirrored/x?y").toBe("/mirrored/x?y");
  expect(lastTo("two")?.request.headers).toMatchObject({ "x-kept": "k", host: "shop.test" });
});

test("a mirror that cannot be reached harms nothing", async () => {
  for (let round = 0; round < 80; round += 1) {
    expect(await ask("/hang/x")).toMatch(/^HTTP\/1\.1 200 .*one \/fine$/s);
  }
});
