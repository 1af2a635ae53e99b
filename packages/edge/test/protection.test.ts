/** Limits, addresses, headers and logins, on a real edge with two threads. */
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import type { ProtectionPlan, RoutePlan } from "@stack/config";
import { eventually, exchangeRaw, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, unprotected } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { startSecureEdge } from "./fixtures/secure.ts";

const shop = "shop";
const hourly = {
  key: { kind: "ip" },
  count: 1,
  periodMs: 3_600_000,
  burst: 20,
  dryRun: false,
} as const;
const ok = { kind: "respond", status: 200, body: "ok\n", type: "text/plain" } as const;
const back = { kind: "upstream", upstream: "back" } as const;
const login = {
  kind: "upstream",
  name: "login",
  path: "/check?x=1",
  copy: ["X-User"],
  timeoutMs: 5_000,
} as const;

function guarded(
  path: string,
  action: RoutePlan["action"],
  protection: Partial<ProtectionPlan>,
): RoutePlan {
  return { ...route(path, action), protection: { ...unprotected, ...protection } };
}

const routes = [
  guarded("/limited", ok, { rateLimit: hourly }),
  guarded("/dry", ok, { rateLimit: { ...hourly, burst: 1, dryRun: true } }),
  guarded("/by-key", ok, {
    rateLimit: { ...hourly, burst: 1, key: { kind: "header", name: "X-Api-Key" } },
  }),
  guarded("/by-client", ok, { rateLimit: { ...hourly, burst: 1 } }),
  guarded("/office", ok, { allow: ["10.0.0.0/8", "2001:db8::/32"], deny: ["10.6.6.0/24"] }),
  guarded("/few", back, { inFlight: { key: { kind: "route" }, limit: 3 } }),
  guarded("/slowly", back, { bytesPerSecond: 256 * 1024 }),
  guarded("/safe", back, { security: "strict" }),
  guarded("/safe-fixed", ok, { security: "strict" }),
  guarded("/members/*", back, { auth: login, rateLimit: { ...hourly, burst: 1_000 } }),
  guarded("/by-app/*", back, { auth: { ...login, kind: "app", name: "shop" } }),
  guarded("/once", ok, { rateLimit: { ...hourly, burst: 1 } }),
  guarded("/nobody-asks", ok, { auth: { ...login, name: "gone" } }),
  route("/*", back),
];

let edge: EdgeProcess;
let secure: EdgeProcess;
const folder = tempFolder();
let back_: Server;
let login_: Server;
/** Requests that the upstream holds until they are let go. */
const held: ServerResponse[] = [];

beforeAll(async () => {
  back_ = await serve((request, response) => {
    if (request.url === "/few") {
      held.push(response);
      return;
    }
    if (request.url === "/slowly") {
      response.end(Buffer.alloc(384 * 1024, "x"));
      return;
    }
    if (request.url === "/safe") {
      response.setHeader("X-Frame-Options", "SAMEORIGIN");
      response.end("framed\n");
      return;
    }
    void echo(request, response);
  });
  login_ = await serve((request, response) => {
    const cookie = request.headers.cookie;
    response.setHeader(
      "X-Said",
      `${request.method} ${request.url} ${request.headers["x-forwarded-method"]} ${request.headers["x-forwarded-uri"]}`,
    );
    if (cookie === "user=alice") {
      response.setHeader("X-User", "alice");
      response.end("welcome");
    } else if (cookie === "broken=1") {
      response.writeHead(200, { "Content-Length": "100", "X-User": "alice" });
      response.write("half");
      response.destroy();
    } else {
      response.writeHead(302, { Location: "/login", "Set-Cookie": "from=login" });
      response.end("please log in\n");
    }
  });
  const plan = {
    routes,
    upstreams: { back: { servers: [addressOf(back_)] }, login: { servers: [addressOf(login_)] } },
  };
  edge = await startEdge({ plan: { ...plan, trustedProxies: ["127.0.0.1"] } });
  secure = await startSecureEdge({ threads: 1, plan });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
  for (const server of [back_, login_]) {
    server.closeAllConnections();
    server.close();
  }
});

const get = (path: string, fields = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${fields}\r\n`;
const ask = (path: string, fields = ""): Promise<string> =>
  exchangeRaw(edge.target, [get(path, fields)]);
const statusOf = (answer: string): number => Number(answer.slice(9, 12));

test("a rate limit is exact over all threads, and says when to come again", async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => ask("/limited")));
  const refused = answers.filter((answer) => statusOf(answer) === 429);
  expect(answers.filter((answer) => statusOf(answer) === 200)).toHaveLength(20);
  expect(refused).toHaveLength(40);
  for (const answer of refused) {
    expect(answer).toMatch(/^Retry-After: (359\d|360[01])\r$/m);
    expect(answer).toMatch(/^RateLimit-Limit: 20\r$/m);
    expect(answer).toMatch(/^RateLimit-Remaining: 0\r$/m);
  }
  expect(answers.some((answer) => /^RateLimit-Remaining: 19\r$/m.test(answer))).toBe(true);
});

test("a dry run refuses nothing", async () => {
  for (let round = 0; round < 3; round += 1) {
    const answer = await ask("/dry");
    expect(statusOf(answer)).toBe(200);
    expect(answer).not.toContain("RateLimit");
  }
});

test("clients are told apart by header, and by the address a trusted proxy gives", async () => {
  expect(statusOf(await ask("/by-key", "X-Api-Key: a\r\n"))).toBe(200);
  expect(statusOf(await ask("/by-key", "X-Api-Key: a\r\n"))).toBe(429);
  expect(statusOf(await ask("/by-key", "X-Api-Key: b\r\n"))).toBe(200);
  expect(statusOf(await ask("/by-client", "X-Forwarded-For: 2001:db8:1:2::1\r\n"))).toBe(200);
  expect(statusOf(await ask("/by-client", "X-Forwarded-For: 2001:db8:1:2:ffff::2\r\n"))).toBe(429);
  expect(statusOf(await ask("/by-client", "X-Forwarded-For: 2001:db8:1:3::1\r\n"))).toBe(200);
});

test.for([
  ["10.1.2.3", 200],
  ["10.6.6.6", 403],
  ["192.0.2.7", 403],
  ["2001:db8::9", 200],
  ["2001:db9::9", 403],
  // The rightmost address that is no proxy of ours counts.
  ["10.1.2.3, 192.0.2.7", 403],
] as const)("from %s an office route answers %i", async ([address, status]) => {
  expect(statusOf(await ask("/office", `X-Forwarded-For: ${address}\r\n`))).toBe(status);
});

test("who is refused is told so before its body is sent", async () => {
  const answer = await exchangeRaw(edge.target, [
    "POST /office HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer).toContain("Connection: close\r\n");
});

test("so many requests at once and no more, and again when one has ended", async () => {
  const first = Array.from({ length: 3 }, () => ask("/few"));
  await eventually("three at the upstream", () => held.length === 3);
  expect(statusOf(await ask("/few"))).toBe(429);
  held.shift()?.end("done\n");
  await Promise.race(first);
  const fourth = ask("/few");
  await eventually("the next", () => held.length === 3);
  for (const response of held.splice(0)) response.end("done\n");
  expect((await Promise.all([...first, fourth])).map(statusOf)).toEqual([200, 200, 200, 200]);
});

test("a client that leaves is no longer counted", async () => {
  const clients = Array.from({ length: 3 }, () => connect(edge.target));
  for (const client of clients) client.write(get("/few"));
  await eventually("three at the upstream", () => held.length === 3);
  for (const client of clients) client.resetAndDestroy();
  await eventually("three connections gone", () => held.every((response) => response.destroyed));
  held.splice(0);
  const next = ask("/few");
  await eventually("the next at the upstream", () => held.length === 1);
  held.shift()?.end("done\n");
  expect(statusOf(await next)).toBe(200);
});

test("an answer goes out no faster than its bandwidth", async () => {
  const before = performance.now();
  const answer = await ask("/slowly");
  const tookMs = performance.now() - before;
  expect(answer.length).toBeGreaterThan(384 * 1024);
  // 384 KB at 256 KB/s, of which the last 64 KB need not be waited for.
  expect(tookMs).toBeGreaterThan(1_100);
});

test("security headers are added to answers of upstreams, of ours and to error pages", async () => {
  const framed = await ask("/safe");
  expect(framed).toContain("X-Frame-Options: SAMEORIGIN\r\n");
  expect(framed.match(/^x-frame-options/gim)).toHaveLength(1);
  expect(framed).toContain("Referrer-Policy: strict-origin-when-cross-origin\r\n");
  const fixed = await ask("/safe-fixed");
  expect(fixed).toContain("X-Frame-Options: DENY\r\n");
  expect(fixed).toContain("ok\n");
  expect(await ask("/echo")).not.toContain("Referrer-Policy");
});

test("who may pass goes on with what was said of it, and nothing of its own invention", async () => {
  const answer = await exchangeRaw(edge.target, [
    "POST /members/a?b=c HTTP/1.1\r\nHost: shop.test\r\nCookie: user=alice\r\nX-User: root\r\nx-user: admin\r\nConnection: close, x-user\r\nContent-Length: 5\r\n\r\nhello",
  ]);
  expect(statusOf(answer)).toBe(200);
  const seen = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as Seen;
  expect(seen).toMatchObject({ method: "POST", url: "/members/a?b=c", body: "hello" });
  expect(seen.headers["x-user"]).toBe("alice");
});

test("with 100-continue the body comes after the permission", async () => {
  const outgoing = httpRequest({
    ...edge.target,
    path: "/members/late",
    method: "POST",
    headers: { Cookie: "user=alice", Expect: "100-continue", "Content-Length": 5 },
  });
  outgoing.flushHeaders();
  await once(outgoing, "continue");
  outgoing.end("hello");
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of answer.setEncoding("utf8")) text += piece;
  expect(answer.statusCode).toBe(200);
  expect(text).toContain('"body":"hello"');
});

test("who may not pass gets the answer of whoever was asked", async () => {
  const answer = await ask("/members/a?b=c", "X-User: root\r\nX-Forwarded-Uri: /forged\r\n");
  expect(answer).toMatch(/^HTTP\/1\.1 302 /);
  expect(answer).toContain("\r\nLocation: /login\r\n");
  expect(answer).toContain("\r\nSet-Cookie: from=login\r\n");
  expect(answer).toMatch(/^X-Said: GET \/check\?x=1 GET .*\/members\/a\?b=c\r$/im);
  expect(answer).toContain("please log in\n");
});

test("an app can be asked as well, and is counted as answering", async () => {
  const worker = await startWorker(edge.folder, async (incoming) => {
    const may = incoming.env.get("HTTP_COOKIE") === "user=alice";
    const head = may
      ? "200 OK\r\nX-User: from-app\r\n"
      : "401 Unauthorized\r\nWWW-Authenticate: Basic\r\n";
    await incoming.answer(
      `${incoming.env.get("PATH_INFO")} ${incoming.env.get("REQUEST_METHOD")}`,
      head,
    );
  });
  await using _worker = worker;
  await edge.arbiter("shop", [worker.record]);
  await eventually("the worker to be linked", () => worker.connections() === 2);
  const passed = await ask("/by-app/a", "Cookie: user=alice\r\n");
  expect(passed).toContain('"x-user":"from-app"');
  const refused = await ask("/by-app/a");
  expect(refused).toMatch(/^HTTP\/1\.1 401 /);
  expect(refused).toContain("WWW-Authenticate: Basic\r\n");
  expect(refused).toContain("/check GET");
  await eventually("both to be over", () => {
    const counted = edge.metrics()?.apps[shop];
    return counted?.requests === 2 && counted.inFlight === 0;
  });
});

test("over HTTP/2 it is the same, with its body", async () => {
  const session = connectHttp2(`https://localhost:${secure.port}`, { rejectUnauthorized: false });
  const post = async (path: string, fields: Record<string, string>, body: string) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...fields });
    stream.end(body);
    const [headers] = (await once(stream, "response")) as [Record<string, string>];
    let text = "";
    for await (const piece of stream.setEncoding("utf8")) text += piece;
    return { headers, text };
  };
  const passed = await post("/members/a", { cookie: "user=alice", "x-user": "root" }, "hello");
  expect(passed.headers).toMatchObject({ ":status": 200, "ratelimit-limit": "1000" });
  const seen: Seen = JSON.parse(passed.text);
  expect(seen).toMatchObject({ method: "POST", body: "hello" });
  expect(seen.headers["x-user"]).toBe("alice");
  const refused = await post("/members/a", {}, "hello");
  expect(refused.headers).toMatchObject({ ":status": 302, location: "/login" });
  const limited = await post("/once", {}, "");
  expect(limited.headers[":status"]).toBe(200);
  const again = await post("/once", {}, "x".repeat(100_000));
  expect(again.headers).toMatchObject({ ":status": 429 });
  expect(again.headers["retry-after"]).toMatch(/^36\d\d$/);
  session.close();
});

test("an unanswered or broken question lets nobody through", async () => {
  expect(statusOf(await ask("/nobody-asks"))).toBe(502);
  expect(statusOf(await ask("/members/a", "Cookie: broken=1\r\n"))).toBe(502);
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  const { method, url, headers } = request;
  response.end(JSON.stringify({ method, url, headers, body }));
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
