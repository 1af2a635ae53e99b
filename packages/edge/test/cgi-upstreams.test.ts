/** Upstreams of every protocol against real servers: php-fpm, uWSGI, gunicorn, Node. */

import { once } from "node:events";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, createServer as createRelay, type Server } from "node:net";
import { join } from "node:path";
import type { UpstreamPlan } from "@stack/config";
import {
  eventually,
  exchangeRaw,
  type Peer,
  startPeer,
  type TempFolder,
  tempFolder,
} from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge } from "./edge-process.ts";

/** Real servers take their time to start on a busy machine. */
const wsgi = `import hashlib, json, sys
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/big":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"0123456789abcdef" * 10000] * 4
    if path == "/teapot":
        start_response("418 Teapot", [("X-Kind", "test"), ("Content-Length", "4")])
        return [b"done"]
    if path == "/short":
        start_response("200 OK", [("Content-Length", "9")])
        return [b"abc"]
    body = environ["wsgi.input"].read()
    names = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_A",
        "HTTP_PROXY", "wsgi.url_scheme", "EXTRA"]
    seen = {name: environ.get(name) for name in names}
    seen["bytes"] = len(body)
    seen["md5"] = hashlib.md5(body).hexdigest()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]
`;

const php = {
  "index.php": `<?php echo "index of ", $_SERVER["PATH_INFO"] ?? "";`,
  "echo.php": `<?php header("X-Kind: php"); echo json_encode(["method" => $_SERVER["REQUEST_METHOD"],
    "info" => $_SERVER["PATH_INFO"] ?? "", "query" => $_SERVER["QUERY_STRING"], "script" => $_SERVER["SCRIPT_NAME"],
    "bytes" => strlen(file_get_contents("php://input")), "pid" => getmypid(), "proxy" => getenv("HTTP_PROXY"),
    "extra" => $_SERVER["EXTRA"] ?? null]);`,
  "front.php": `<?php echo $_SERVER["REQUEST_URI"], " ", $_SERVER["SCRIPT_NAME"];`,
  "upload.php": `<?php $f = $_FILES["file"]; echo $f["name"], " ", $f["size"], " ", md5_file($f["tmp_name"]);`,
  "fail.php": `<?php error_log("something is amiss"); http_response_code(503); echo "sorry";`,
  "big.php": `<?php for ($i = 0; $i < 40; $i++) echo str_repeat("0123456789abcdef", 1000);`,
};

let folder: TempFolder;
let edge: EdgeProcess | undefined;
/** Filled before they are ready: what was started ends, whatever goes wrong. */
let peers: readonly Promise<Peer>[] = [];
let counted: Server | undefined;
/** To php-fpm, by way of `counted`. */
let connections = 0;
const node = createServer((request, response) => {
  let bytes = 0;
  request.on("data", (piece: Buffer) => {
    bytes += piece.length;
  });
  request.on("end", () => response.end(JSON.stringify({ REQUEST_METHOD: request.method, bytes })));
});

beforeAll(async () => {
  folder = tempFolder();
  const at = (name: string): string => join(folder.path, name);
  writeFileSync(at("app.py"), wsgi);
  mkdirSync(at("php/blog"), { recursive: true });
  for (const [name, text] of Object.entries(php)) writeFileSync(at(`php/${name}`), text);
  writeFileSync(at("php/blog/index.php"), php["index.php"]);
  writeFileSync(at("outside.php"), `<?php echo "outside";`);
  writeFileSync(at("php/picture.png"), `<?php echo "never run";`);
  symlinkSync(at("outside.php"), at("php/link.php"));
  writeFileSync(at("fpm.conf"), fpmConfig(folder.path));
  const uwsgiSockets = ["uwsgi", "fastcgi", "scgi", "http"] as const;
  const sockets = uwsgiSockets.flatMap((name) => [`--${name}-socket`, at(`${name}.sock`)]);
  const worker = ["--processes", "1", "--threads", "4", "--buffer-size", "65535", "--need-app"];
  peers = [
    startPeer(
      phpFpm(),
      ["-F", "-y", at("fpm.conf"), ...(process.getuid?.() === 0 ? ["-R"] : [])],
      [at("fpm.sock")],
    ),
    startPeer(
      "uwsgi",
      ["--plugin", "python3", "--wsgi-file", at("app.py"), ...worker, ...sockets],
      uwsgiSockets.map((name) => at(`${name}.sock`)),
    ),
    startPeer(
      "gunicorn",
      [
        "--chdir",
        folder.path,
        "--threads",
        "4",
        "-b",
        `unix:${at("gunicorn.sock")}`,
        "app:application",
      ],
      [at("gunicorn.sock")],
    ),
  ];
  await Promise.all(peers);
  counted = createCountedRelay(at("fpm.sock"));
  counted.listen(at("counted.sock"));
  await once(counted, "listening");
  node.listen(at("node.sock"));
  await once(node, "listening");
  const unix = (name: string): string[] => [`unix:${at(`${name}.sock`)}`];
  const upstreams: Record<string, UpstreamPlan> = {
    uwsgi: { protocol: "uwsgi", servers: unix("uwsgi"), params: { EXTRA: "1" } },
    fastcgi: { protocol: "fastcgi", servers: unix("fastcgi"), params: { EXTRA: "1" } },
    scgi: { protocol: "scgi", servers: unix("scgi"), params: { EXTRA: "1" } },
    http: { protocol: "http", servers: unix("http") },
    gunicorn: { servers: unix("gunicorn") },
    node: { servers: unix("node") },
    php: {
      protocol: "fastcgi",
      servers: unix("counted"),
      scripts: { root: at("php"), index: "index.php" },
      params: { EXTRA: "yes" },
    },
    kept: {
      protocol: "fastcgi",
      servers: unix("counted"),
      scripts: { root: at("php"), index: "index.php" },
      keepAliveMs: 10_000,
    },
    pretty: {
      protocol: "fastcgi",
      servers: unix("fpm"),
      scripts: { root: at("php"), index: "index.php", front: "front.php" },
    },
  };
  edge = await startEdge({
    threads: 2,
    plan: {
      limits: { ...limits, bodyBytes: 100 * 1024 * 1024 },
      routes: Object.keys(upstreams).map((name) => ({
        ...route(`/${name}/*`, { kind: "upstream", upstream: name }),
        stripPrefix: true,
      })),
      upstreams,
    },
  });
});

afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  const started = await Promise.allSettled(peers);
  for (const peer of started) {
    if (peer.status === "fulfilled") await peer.value[Symbol.asyncDispose]();
  }
  node.close();
  counted?.close();
  node.closeAllConnections();
  folder[Symbol.dispose]();
});

/** The edge, once it has started. */
function started(): EdgeProcess {
  if (edge === undefined) throw new Error("the edge did not start");
  return edge;
}

async function ask(target: string, fields = "", method = "GET", body = ""): Promise<string> {
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${length}${fields}\r\n`;
  return await exchangeRaw(started().target, [head, body], () => false, 30_000);
}

const bodyOf = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n") + 4);
const jsonOf = (answer: string): unknown => JSON.parse(unchunk(answer));

function unchunk(answer: string): string {
  const text = bodyOf(answer);
  if (!/^transfer-encoding: chunked/im.test(answer.slice(0, answer.indexOf("\r\n\r\n"))))
    return text;
  let out = "";
  for (let at = 0; ; ) {
    const end = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, end), 16);
    if (!(length > 0)) return out;
    out += text.slice(end + 2, end + 2 + length);
    at = end + 2 + length + 2;
  }
}

describe.each(["uwsgi", "fastcgi", "scgi", "http", "gunicorn"])("an app behind %s", (name) => {
  test("gets the request, prefix and query apart, and nothing a client made up", async () => {
    const answer = await ask(`/${name}/a%20b?x=1`, "X-A: 1\r\nProxy: evil\r\n");
    expect(jsonOf(answer)).toMatchObject({
      REQUEST_METHOD: "GET",
      PATH_INFO: "/a b",
      QUERY_STRING: "x=1",
      HTTP_HOST: "a.test",
      HTTP_X_A: "1",
      HTTP_PROXY: null,
      EXTRA: /^(?:http|gunicorn)$/.test(name) ? null : "1",
    });
  });

  test("gets bodies small, large and in chunks", async () => {
    expect(jsonOf(await ask(`/${name}/`, "", "POST", "hello"))).toMatchObject({ bytes: 5 });
    const large = "0123456789".repeat(400_000);
    const answer = await ask(`/${name}/`, "", "POST", large);
    expect(jsonOf(answer)).toMatchObject({ bytes: large.length, REQUEST_METHOD: "POST" });
    const chunked = await exchangeRaw(started().target, [
      `POST /${name}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "5\r\nhello\r\n",
      "6\r\n world\r\n0\r\n\r\n",
    ]);
    expect(jsonOf(chunked)).toMatchObject({ bytes: 11 });
  });

  test("answers whole, with its status, and cut off where it was cut", async () => {
    const big = unchunk(await ask(`/${name}/big`));
    expect(big === "0123456789abcdef".repeat(40_000)).toBe(true);
    const teapot = await ask(`/${name}/teapot`);
    expect(teapot).toMatch(/^HTTP\/1\.1 418 Teapot\r\n[\s\S]*X-Kind: test\r\n[\s\S]*\r\n\r\ndone$/);
    const head = await ask(`/${name}/teapot`, "", "HEAD");
    expect(head).toMatch(/^HTTP\/1\.1 418 [\s\S]*\r\n\r\n$/);
    const short = await ask(`/${name}/short`);
    expect(short).toMatch(/Content-Length: 9\r\n[\s\S]*\r\n\r\nabc$/);
  });
});

test("a Node service is asked over its Unix socket", async () => {
  expect(jsonOf(await ask("/node/", "", "PUT", "abc"))).toEqual({
    REQUEST_METHOD: "PUT",
    bytes: 3,
  });
});

test("a chunked body longer than what is buffered is refused where a length must be known", async () => {
  const piece = `10000\r\n${"x".repeat(65_536)}\r\n`;
  const answer = await exchangeRaw(started().target, [
    "POST /uwsgi/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
    piece.repeat(20),
    "0\r\n\r\n",
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 411 /);
});

describe("PHP", () => {
  test("a script gets PATH_INFO and the operator's variables", async () => {
    const answer = await ask("/php/echo.php/a%20b/c.php?x=1", "Proxy: evil\r\n");
    expect(answer).toMatch(/^X-Kind: php\r$/m);
    expect(jsonOf(answer)).toMatchObject({
      method: "GET",
      info: "/a b/c.php",
      query: "x=1",
      script: "/php/echo.php",
      proxy: false,
      extra: "yes",
    });
  });

  test.each(["kept", "php"])("answers of any size come one after the other, %s", async (name) => {
    for (let round = 0; round < 5; round += 1) {
      expect(unchunk(await ask(`/${name}/big.php`)).length).toBe(640_000);
      expect(jsonOf(await ask(`/${name}/echo.php`))).toMatchObject({ method: "GET" });
    }
  });

  test("connections are kept where that is said, and nowhere else", async () => {
    const before = connections;
    for (let round = 0; round < 10; round += 1) {
      expect(jsonOf(await ask("/kept/echo.php"))).toMatchObject({ method: "GET" });
    }
    expect(connections - before).toBeLessThanOrEqual(2); // one per thread of the edge
    for (let round = 0; round < 4; round += 1) await ask("/php/echo.php");
    expect(connections - before).toBeGreaterThanOrEqual(4);
  });

  test("a file is uploaded", async () => {
    const content = "0123456789".repeat(200_000);
    const body = `--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${content}\r\n--b--\r\n`;
    const answer = await ask(
      "/php/upload.php",
      "Content-Type: multipart/form-data; boundary=b\r\n",
      "POST",
      body,
    );
    expect(unchunk(answer)).toMatch(/^a\.txt 2000000 [0-9a-f]{32}$/);
  });

  test("what it writes to its error log is in the edge's", async () => {
    expect(await ask("/php/fail.php")).toMatch(/^HTTP\/1\.1 503 [\s\S]*sorry/);
    await eventually("the line", () => started().output().includes("something is amiss"));
    expect(started().output()).toMatch(/upstream php: .*something is amiss/);
  });

  test("paths that name no script go to the front controller, where there is one", async () => {
    expect(unchunk(await ask("/pretty/articles/7?x=1"))).toBe(
      "/pretty/articles/7?x=1 /pretty/front.php",
    );
    expect(unchunk(await ask("/pretty/none.php"))).toBe("/pretty/none.php /pretty/front.php");
    expect(unchunk(await ask("/pretty/blog/"))).toBe("index of ");
  });

  test("a folder stands for its index", async () => {
    expect(unchunk(await ask("/php/"))).toBe("index of ");
    expect(unchunk(await ask("/php/blog/"))).toBe("index of ");
  });

  test.each([
    "/php/none.php",
    "/php/link.php",
    "/php/picture.png",
    "/php/picture.png/x.php",
    "/php/echo.php%00.png",
    "/php/..%2Foutside.php",
    "/php/echo",
  ])("%s is no script below the root", async (path) => {
    expect(await ask(path)).toMatch(/^HTTP\/1\.1 (?:404|400) /);
  });
});

/** Passes all bytes on, and counts. */
function createCountedRelay(path: string): Server {
  return createRelay((socket) => {
    connections += 1;
    const server = connect(path);
    socket.on("error", () => server.destroy());
    server.on("error", () => socket.destroy());
    socket.pipe(server).pipe(socket);
  });
}

function phpFpm(): string {
  const name = readdirSync("/usr/sbin").find((entry) => /^php-fpm\d/.test(entry));
  return `/usr/sbin/${name ?? "php-fpm"}`;
}

function fpmConfig(path: string): string {
  const user = process.getuid?.() === 0 ? "user = root\ngroup = root\n" : "";
  return `[global]
error_log = ${path}/fpm.log
daemonize = no
[www]
listen = ${path}/fpm.sock
${user}pm = static
pm.max_children = 4
catch_workers_output = no
php_admin_value[error_log] = ""
php_admin_value[upload_max_filesize] = 20M
php_admin_value[post_max_size] = 20M
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
`;
}
