/** Listeners for a web server in front, over real processes and raw bytes: uwsgi, SCGI and FastCGI. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeEndRequest, recordType } from "@stack/protocols";
import { eventually, exchangeRaw, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { type FakeWorker, type Handler, startWorker } from "./fake-worker.ts";
import {
  exchange,
  type FrontProtocol,
  headBytes,
  openLink,
  readAnswer,
  requestBytes,
  send,
  stdinRecords,
  variablesOf,
} from "./fixtures/front-client.ts";
import { plainListener } from "./fixtures/secure.ts";

const protocols = ["uwsgi", "fastcgi", "scgi"] as const;
const folder = tempFolder();
const logFile = join(folder.path, "access.log");
let edge: EdgeProcess;
let worker: FakeWorker;
let handle: Handler;

/** Says what it was asked. */
const tell: Handler = async (request) => {
  const body = await request.body;
  const told = { env: Object.fromEntries(request.env), bytes: body.length };
  await request.answer(JSON.stringify(told));
};

beforeAll(async () => {
  edge = await startEdge({
    hosts: [...protocols, "http"].map(() => "127.0.0.1"),
    plan: {
      listeners: [...protocols, "http" as const].map((protocol) => ({
        ...plainListener,
        protocol,
        frontServer: true,
      })),
      accessLog: { file: logFile, format: "{client} {method} {path} {status} {protocol}" },
      limits: { ...limits, bodyBytes: 2 * 1024 * 1024, bufferBytes: 64 * 1024 },
      timeoutsMs: { ...timeoutsMs, header: 3_000, body: 3_000 },
      trustedProxies: ["198.51.100.0/24", "127.0.0.1"],
      routes: [
        route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
        { ...route("/strip/*", { kind: "app", app: "shop" }), stripPrefix: true },
        route("/*", { kind: "app", app: "shop" }),
      ],
    },
  });
  worker = await startWorker(edge.folder, (request) => handle(request));
  await edge.arbiter("shop", [worker.record]);
}, 60_000);

beforeEach(() => {
  handle = tell;
  worker.grants = true;
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
}, 60_000);

function at(protocol: FrontProtocol): { readonly port: number; readonly host: string } {
  return { port: edge.ports[protocols.indexOf(protocol)] ?? 0, host: "127.0.0.1" };
}

type Environ = Readonly<Record<string, string>> & {
  readonly PATH_INFO?: string;
  readonly CONTENT_LENGTH?: string;
};

function told(body: string): { readonly env: Environ; readonly bytes: number } {
  return JSON.parse(body);
}

describe.each(protocols)("over %s", (protocol) => {
  const ask = (...pieces: Buffer[]) => exchange(protocol, at(protocol), pieces);
  const get = (path: string, more: Record<string, string> = {}) =>
    ask(requestBytes(protocol, variablesOf(path, more)));

  test("an application gets a request as the web server tells it", async () => {
    const { status, head, body, complete } = await get("/a%20b?x=1", {
      HTTP_X_A: "1",
      HTTPS: "on",
      REMOTE_USER: "ann",
      DOCUMENT_ROOT: "/srv/www",
      SERVER_PROTOCOL: "HTTP/2.0",
      HTTP_PROXY: "evil",
      HTTP_X_FORWARDED_FOR: "203.0.113.1",
      HTTP_X_ACCEL_REDIRECT: "/evil",
    });
    expect({ status, complete }).toEqual({ status: 200, complete: true });
    const first = protocol === "uwsgi" ? "HTTP/1.1 200 OK\r\n" : "Status: 200 OK\r\n";
    expect(head.slice(0, first.length)).toBe(first);
    expect(head).not.toMatch(/^(?:date|connection|transfer-encoding):/im);
    const { env } = told(body);
    expect(env).toMatchObject({
      REQUEST_METHOD: "GET",
      SCRIPT_NAME: "",
      PATH_INFO: "/a b",
      QUERY_STRING: "x=1",
      REQUEST_URI: "/a%20b?x=1",
      SERVER_NAME: "front.test",
      SERVER_PORT: "80",
      SERVER_PROTOCOL: "HTTP/2.0",
      REMOTE_ADDR: "192.0.2.7",
      REMOTE_PORT: "4711",
      REMOTE_USER: "ann",
      DOCUMENT_ROOT: "/srv/www",
      HTTPS: "on",
      HTTP_HOST: "a.test",
      HTTP_X_A: "1",
      HTTP_X_FORWARDED_FOR: "192.0.2.7",
      "wsgi.url_scheme": "https",
    });
    expect(Object.keys(env)).not.toContain("HTTP_PROXY");
    expect(Object.keys(env)).not.toContain("HTTP_X_ACCEL_REDIRECT");
    expect(env.CONTENT_LENGTH).toBe(protocol === "scgi" ? "0" : undefined);
  });

  test("a proxy that is trusted in REMOTE_ADDR tells who the client is", async () => {
    const { body } = await get("/", {
      REMOTE_ADDR: "198.51.100.1",
      HTTP_X_FORWARDED_FOR: "203.0.113.1",
    });
    expect(told(body).env).toMatchObject({
      REMOTE_ADDR: "203.0.113.1",
      HTTP_X_FORWARDED_FOR: "203.0.113.1, 198.51.100.1",
    });
  });

  test("an application that is mounted sees its mount, behind a stripped route too", async () => {
    const mounted = await get("/app/x", { SCRIPT_NAME: "/app", PATH_INFO: "/x" });
    expect(told(mounted.body).env).toMatchObject({ SCRIPT_NAME: "/app", PATH_INFO: "/x" });
    const both = await get("/strip/app/x", { SCRIPT_NAME: "/strip/app", PATH_INFO: "/x" });
    expect(told(both.body).env).toMatchObject({ SCRIPT_NAME: "/strip/app", PATH_INFO: "/x" });
    const routed = await get("/strip/app/x");
    expect(told(routed.body).env).toMatchObject({ SCRIPT_NAME: "/strip", PATH_INFO: "/app/x" });
  });

  test("a request that comes in pieces, cut anywhere, is the same request", async () => {
    const whole = requestBytes(
      protocol,
      variablesOf("/x", { REQUEST_METHOD: "POST", CONTENT_LENGTH: "5" }),
      "hello",
    );
    const cuts = Array.from({ length: 24 }, (_, index) =>
      Math.max(1, Math.floor((whole.length * index) / 24)),
    );
    const ends = [1, 2, 3, 4, 5, 8, 9, whole.length - 1, whole.length - 5, whole.length - 9];
    const answers = await Promise.all(
      [...cuts, ...ends].map((cut) => ask(whole.subarray(0, cut), whole.subarray(cut))),
    );
    for (const { status, body, complete } of answers) {
      expect({ status, complete }).toEqual({ status: 200, complete: true });
      expect(told(body)).toMatchObject({ bytes: 5, env: { CONTENT_LENGTH: "5" } });
    }
    const singly = await ask(...Array.from(whole, (byte) => Buffer.from([byte])));
    expect(told(singly.body).bytes).toBe(5);
  });

  test("a large body streams to the worker, and no further than it takes it", async () => {
    worker.grants = false;
    const seen = Promise.withResolvers<void>();
    handle = async (request) => {
      seen.resolve();
      const body = await request.body;
      await request.answer(`${body.length} ${body.equals(big)}`);
    };
    const big = Buffer.alloc(1_500_000, "0123456789abcdef");
    const before = worker.bodyBytes();
    const variables = variablesOf("/big", {
      REQUEST_METHOD: "POST",
      CONTENT_LENGTH: String(big.length),
    });
    const link = openLink(at(protocol));
    const sent = link.write(requestBytes(protocol, variables, big));
    await seen.promise;
    const held = await eventually("the window to be full", () => {
      const bytes = worker.bodyBytes() - before;
      return bytes >= 256 * 1024 && bytes;
    });
    expect(held).toBeLessThan(big.length);
    worker.grants = true;
    worker.grantAll();
    await sent;
    const { status, body } = readAnswer(protocol, await link.ended);
    expect({ status, body }).toEqual({ status: 200, body: `${big.length} true` });
  });

  test("an answer of unknown length, and a slow reader of it", async () => {
    let written = 0;
    const piece = Buffer.alloc(64 * 1024, "x");
    handle = async (request) => {
      request.head("200 OK\r\nContent-Type: text/plain\r\n");
      for (; written < 200 && !request.isAborted(); written += 1) await request.write(piece);
      request.end();
    };
    const link = openLink(at(protocol));
    await link.write(requestBytes(protocol, variablesOf("/long")));
    await eventually("the answer to begin", () => link.received().length > 0);
    link.socket.pause();
    // It is held up: what stands between the two is bounded, and far from all of it.
    const stuck = await eventually("the worker to be held up", async () => {
      const before = written;
      await new Promise((resolve) => setImmediate(resolve));
      return before > 4 && before === written && before;
    });
    expect(stuck).toBeLessThan(200);
    link.socket.resume();
    const { status, body, complete, head } = readAnswer(protocol, await link.ended);
    expect({ status, complete, bytes: body.length }).toEqual({
      status: 200,
      complete: true,
      bytes: 200 * piece.length,
    });
    expect(head).not.toMatch(/content-length|transfer-encoding/i);
  });

  test("the worker is told when the web server goes away", async () => {
    const begun = Promise.withResolvers<{ readonly aborted: Promise<void> }>();
    handle = (request) => begun.resolve({ aborted: request.aborted });
    const link = openLink(at(protocol));
    await link.write(requestBytes(protocol, variablesOf("/wait")));
    const { aborted } = await begun.promise;
    if (protocol === "scgi") link.socket.resetAndDestroy();
    else link.socket.end();
    await aborted;
    await eventually("the log", () => readFileSync(logFile, "utf8").includes("/wait 499"));
  });

  test("an answer of a worker that dies is seen to be cut", async () => {
    handle = async (request) => {
      request.head("200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n");
      await request.write("half");
      await eventually("the piece to be sent", () => link.received().includes("half"));
      request.die();
    };
    const link = openLink(at(protocol));
    await link.write(requestBytes(protocol, variablesOf("/cut")));
    const answer = readAnswer(protocol, await link.ended);
    expect(answer).toMatchObject({ status: 200, body: "half", complete: false });
  });

  test("HEAD, 204 and 304 have no body", async () => {
    const head = await get("/x", { REQUEST_METHOD: "HEAD" });
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.head).toMatch(/Content-Length: [1-9]/);
    handle = (request) => request.answer("", "204 No Content\r\n");
    expect(await get("/x")).toMatchObject({ status: 204, body: "" });
    handle = (request) => request.answer("", '304 Not Modified\r\nETag: "a"\r\n');
    expect(await get("/x")).toMatchObject({ status: 304, body: "" });
  });

  test("X-Accel-Redirect of an application is for the web server in front", async () => {
    handle = (request) =>
      request.answer("", "200 OK\r\nX-Accel-Redirect: /files/a\r\nContent-Length: 0\r\n");
    expect((await get("/x")).head).toContain("X-Accel-Redirect: /files/a\r\n");
  });

  test("early hints are left out: nobody in front would take them for what they are", async () => {
    handle = async (request) => {
      request.inform("103 Early Hints\r\nLink: </a.css>\r\n");
      await request.answer("whole");
    };
    expect(await get("/x")).toMatchObject({ status: 200, body: "whole" });
  });

  test("what needs no application is answered as well", async () => {
    const fixed = await get("/fixed");
    expect(fixed).toMatchObject({ status: 200, body: "fixed\n", complete: true });
    const more = await ask(
      requestBytes(
        protocol,
        variablesOf("/fixed", { REQUEST_METHOD: "POST", CONTENT_LENGTH: "3" }),
        "abc",
      ),
    );
    expect(more).toMatchObject({ status: 200, body: "fixed\n" });
  });

  test.each<readonly [number, string, Record<string, string>]>([
    [400, "no method", { REQUEST_METHOD: "" }],
    [400, "a line break in a header", { HTTP_X_A: "1\r\nX-B: 2" }],
    [400, "an invalid Host", { HTTP_HOST: "a b" }],
    [400, "no Host at all", { HTTP_HOST: "", SERVER_NAME: "" }],
    [400, "a path above the root", { PATH_INFO: "/../x" }],
    [405, "a method that is refused", { REQUEST_METHOD: "TRACE" }],
    [413, "a body that is too long", { CONTENT_LENGTH: String(3 * 1024 * 1024) }],
    [431, "headers that are too long", { HTTP_X_A: "x".repeat(40_000) }],
  ])("%i for %s", async (status, _what, more) => {
    const answer = await ask(headBytes(protocol, variablesOf("/x", more)), ...endOf(protocol));
    expect(answer).toMatchObject({ status, complete: true });
  });

  test("a body that does not come is waited for no longer than allowed", async () => {
    const variables = variablesOf("/x", { REQUEST_METHOD: "POST", CONTENT_LENGTH: "5" });
    const answer = await ask(headBytes(protocol, variables));
    expect(answer).toMatchObject({ status: 408, complete: true });
  });

  test("a head that does not come ends the connection", async () => {
    const head = headBytes(protocol, variablesOf("/x"));
    expect((await send(at(protocol), [head.subarray(0, 30)])).length).toBe(0);
  });

  test.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")],
    ["noise", Buffer.from("ff".repeat(400), "hex")],
    ["a TLS handshake", Buffer.from("16030100f8010000f40303".padEnd(400, "0"), "hex")],
  ])("%s is no request: the connection is closed without a word", async (_what, bytes) => {
    expect((await send(at(protocol), [bytes])).length).toBe(0);
  });

  test("the access log has the client, and what it spoke with the web server", async () => {
    await get("/logged", { SERVER_PROTOCOL: "HTTP/2.0" });
    await eventually("the line", () =>
      readFileSync(logFile, "utf8").includes("192.0.2.7 GET /logged 200 HTTP/2.0"),
    );
  });
});

/** FastCGI says apart that there is no body. */
function endOf(protocol: FrontProtocol): Buffer[] {
  return protocol === "fastcgi" ? [Buffer.from([1, recordType.stdin, 0, 1, 0, 0, 0, 0])] : [];
}

describe("FastCGI", () => {
  const target = () => at("fastcgi");
  const end = Buffer.from([1, recordType.stdin, 0, 1, 0, 0, 0, 0]);

  test("one connection serves many requests, one after the other, where that is asked for", async () => {
    const link = openLink(target());
    let from = 0;
    for (const path of ["/one", "/fixed", "/three"]) {
      await link.write(requestBytes("fastcgi", variablesOf(path), "", true));
      await eventually("an answer", () => readAnswer("fastcgi", rest()).complete);
      expect(readAnswer("fastcgi", rest()).status).toBe(200);
      from = link.received().length;
    }
    await link.write(requestBytes("fastcgi", variablesOf("/last")));
    await link.ended;
    expect(told(readAnswer("fastcgi", rest()).body).env.PATH_INFO).toBe("/last");

    function rest(): Buffer {
      return link.received().subarray(from);
    }
  });

  test("a second request at the same time is told that there is one at a time", async () => {
    const begun = Promise.withResolvers<() => void>();
    handle = (request) => begun.resolve(() => void request.answer("first"));
    const link = openLink(target());
    await link.write(requestBytes("fastcgi", variablesOf("/first")));
    const answer = await begun.promise;
    await link.write(withId(requestBytes("fastcgi", variablesOf("/second")), 2));
    const refusal = Buffer.from(encodeEndRequest(2, 0, 1), "latin1");
    await eventually("the refusal", () => link.received().includes(refusal));
    answer();
    const received = await link.ended;
    expect(readAnswer("fastcgi", received.subarray(refusal.length)).body).toBe("first");
    expect(worker.count()).toBeGreaterThan(0);
  });

  test("a body without a length is passed on as it comes", async () => {
    const body = Buffer.alloc(300_000, "abc");
    const answer = await exchange("fastcgi", target(), [
      headBytes("fastcgi", variablesOf("/x", { REQUEST_METHOD: "POST" })),
      ...stdinRecords(body),
      end,
    ]);
    const { bytes, env } = told(answer.body);
    expect(bytes).toBe(body.length);
    expect(Object.keys(env)).not.toContain("CONTENT_LENGTH");
  });

  test("ABORT_REQUEST ends the request, not the connection", async () => {
    const begun = Promise.withResolvers<{ readonly aborted: Promise<void> }>();
    handle = (request) => begun.resolve({ aborted: request.aborted });
    const link = openLink(target());
    await link.write(requestBytes("fastcgi", variablesOf("/x"), "", true));
    const { aborted } = await begun.promise;
    await link.write(Buffer.from([1, recordType.abortRequest, 0, 1, 0, 0, 0, 0]));
    await aborted;
    await eventually("END_REQUEST", () => readAnswer("fastcgi", link.received()).complete);
    const from = link.received().length;
    handle = tell;
    await link.write(requestBytes("fastcgi", variablesOf("/next")));
    const answer = readAnswer("fastcgi", (await link.ended).subarray(from));
    expect(told(answer.body).env.PATH_INFO).toBe("/next");
  });

  test.each([
    ["shorter", "4", 400],
    ["longer", "2", 0],
  ])("STDIN that is %s than CONTENT_LENGTH is refused", async (_what, length, status) => {
    const answer = await exchange("fastcgi", target(), [
      headBytes("fastcgi", variablesOf("/x", { REQUEST_METHOD: "POST", CONTENT_LENGTH: length })),
      ...stdinRecords(Buffer.from("abc")),
      end,
    ]);
    expect(answer.status).toBe(status);
  });

  test("GET_VALUES is answered, before a request and between two", async () => {
    const link = openLink(target());
    const question = Buffer.from("\x01\x09\0\0\0\x11\0\0\x0f\0FCGI_MPXS_CONNS", "latin1");
    await link.write(question);
    await eventually("the values", () =>
      link.received().toString("latin1").includes("FCGI_MPXS_CONNS0"),
    );
    const from = link.received().length;
    await link.write(requestBytes("fastcgi", variablesOf("/fixed")));
    expect(readAnswer("fastcgi", (await link.ended).subarray(from)).body).toBe("fixed\n");
  });

  test("a large answer of a file's size comes in records", async () => {
    const big = Buffer.alloc(1_000_003, "0123456789");
    handle = (request) => request.answer(big);
    const { body } = await exchange("fastcgi", target(), [
      requestBytes("fastcgi", variablesOf("/x")),
    ]);
    expect(body === big.toString("latin1")).toBe(true);
  });

  function withId(records: Buffer, id: number): Buffer {
    const copy = Buffer.from(records);
    for (let from = 0; from < copy.length; ) {
      copy.writeUInt16BE(id, from + 2);
      from += 8 + copy.readUInt16BE(from + 4) + (copy[from + 6] ?? 0);
    }
    return copy;
  }
});

test("over HTTP a server in front has said itself whom it speaks for", async () => {
  handle = async (request) => {
    const env = JSON.stringify(Object.fromEntries(request.env));
    await request.answer(env, "200 OK\r\nX-Accel-Redirect: /files/a\r\n");
  };
  const target = { port: edge.ports[3] ?? 0, host: "127.0.0.1" };
  const ask = async (fields: string): Promise<[head: string, env: Environ]> => {
    const request = `GET / HTTP/1.1\r\nHost: a.test\r\n${fields}Connection: close\r\n\r\n`;
    const [head = "", chunks = ""] = (await exchangeRaw(target, [request])).split("\r\n\r\n", 2);
    return [head, JSON.parse(/\{.*\}/s.exec(chunks)?.[0] ?? "{}")];
  };
  const [head, env] = await ask("X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n");
  expect(head).toContain("X-Accel-Redirect: /files/a");
  expect(env).toMatchObject({
    REMOTE_ADDR: "203.0.113.9",
    HTTP_X_FORWARDED_FOR: "203.0.113.9",
    "wsgi.url_scheme": "https",
  });
  const [, direct] = await ask("");
  expect(direct).toMatchObject({ REMOTE_ADDR: "127.0.0.1", HTTP_X_FORWARDED_FOR: "127.0.0.1" });
});

test("many servers in front at once, on every thread", async () => {
  const jobs = Array.from({ length: 150 }, (_, index) => {
    const protocol = protocols[index % 3] ?? "uwsgi";
    return exchange(protocol, at(protocol), [
      requestBytes(protocol, variablesOf(`/n${index}`)),
    ]).then(({ body }) => told(body).env.PATH_INFO);
  });
  expect(await Promise.all(jobs)).toEqual(jobs.map((_, index) => `/n${index}`));
});
