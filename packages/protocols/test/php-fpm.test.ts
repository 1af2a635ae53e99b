/** Our FastCGI client and CGI variables against PHP's own server. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { type Peer, startPeer, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CgiParams, splitScriptPath } from "../src/index.ts";
import { openFastcgiClient } from "./support/cgi-client.ts";
import { findPhpFpm, fpmConfig } from "./support/php.ts";

const echo = `<?php
error_log("seen " . $_SERVER["REQUEST_URI"]);
header("Content-Type: application/json");
echo json_encode([
  "method" => $_SERVER["REQUEST_METHOD"], "script" => $_SERVER["SCRIPT_NAME"],
  "file" => $_SERVER["SCRIPT_FILENAME"], "info" => $_SERVER["PATH_INFO"] ?? null,
  "self" => $_SERVER["PHP_SELF"], "root" => $_SERVER["DOCUMENT_ROOT"],
  "get" => $_GET, "post" => $_POST, "host" => $_SERVER["HTTP_HOST"],
  "client" => $_SERVER["REMOTE_ADDR"], "proxy" => $_SERVER["HTTP_PROXY"] ?? getenv("HTTP_PROXY"),
  "body" => md5(file_get_contents("php://input")), "bytes" => strlen(file_get_contents("php://input")),
  "files" => array_map(fn ($f) => [$f["name"], $f["size"], md5_file($f["tmp_name"])], $_FILES),
  "https" => $_SERVER["HTTPS"] ?? null,
]);
`;

let folder: TempFolder;
let fpm: Peer;
let root: string;
let socket: string;

beforeAll(async () => {
  folder = tempFolder();
  chmodSync(folder.path, 0o755);
  root = `${folder.path}/site`;
  socket = `${folder.path}/fpm.sock`;
  mkdirSync(`${root}/sub`, { recursive: true });
  writeFileSync(`${root}/index.php`, echo);
  writeFileSync(`${root}/big.php`, '<?php echo str_repeat("0123456789abcdef", 40000);');
  writeFileSync(
    `${root}/answers.php`,
    '<?php http_response_code((int) $_GET["status"]); header("X-Kind: test"); echo "done";',
  );
  writeFileSync(
    `${root}/location.php`,
    '<?php header("Location: /elsewhere"); setcookie("a", "1");',
  );
  writeFileSync(`${root}/short.php`, '<?php header("Content-Length: 9"); echo "abc";');
  writeFileSync(
    `${root}/killed.php`,
    '<?php echo str_repeat("x", 100000); flush(); posix_kill(posix_getpid(), 9);',
  );
  writeFileSync(`${root}/fatal.php`, "<?php nowhere();");
  writeFileSync(`${folder.path}/fpm.conf`, fpmConfig(folder.path));
  const args = ["-F", "-R", "-n", "-d", "extension=posix", "-y", `${folder.path}/fpm.conf`];
  fpm = await startPeer(findPhpFpm(), args, [socket]);
});

afterAll(async () => {
  await fpm[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function php(path: string): CgiParams {
  return { script: splitScriptPath(path, "index.php"), documentRoot: root, extra: [] };
}

function get(target: string, lines = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`;
}

test("a script has its path info, its query and its variables", async () => {
  using client = openFastcgiClient(socket);
  const raw = get("/index.php/a%20b/c?x=1&y[]=2", "Proxy: http://evil\r\n");
  const answer = await client.ask({ raw, params: php("/index.php/a%20b/c") });
  expect(answer).toMatchObject({ status: 200, complete: true, problem: "" });
  expect(answer.fields).toMatch(/Content-type: application\/json/i);
  expect(JSON.parse(answer.body)).toMatchObject({
    method: "GET",
    script: "/index.php",
    file: `${root}/index.php`,
    info: "/a b/c",
    self: "/index.php/a b/c",
    root,
    get: { x: "1", y: ["2"] },
    host: "a.test",
    client: "203.0.113.9",
    proxy: false,
    https: null,
  });
});

test("a folder's index is asked for by the folder", async () => {
  using client = openFastcgiClient(socket);
  const { body } = await client.ask({ raw: get("/"), params: php("/") });
  expect(JSON.parse(body)).toMatchObject({ script: "/index.php", self: "/index.php" });
});

test("one connection serves one request after the other", async () => {
  using client = openFastcgiClient(socket);
  for (const number of [1, 2, 3, 4]) {
    const raw = get(`/index.php?n=${number}`);
    const { body } = await client.ask({ raw, params: php("/index.php") });
    expect(JSON.parse(body)).toMatchObject({ get: { n: String(number) } });
  }
});

test("an upload of more than a record arrives whole", async () => {
  using client = openFastcgiClient(socket);
  const file = Buffer.from(Array.from({ length: 150_001 }, (_, at) => (at * 31) & 255));
  const body = Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n'),
    file,
    Buffer.from('\r\n--b\r\nContent-Disposition: form-data; name="t"\r\n\r\nyes\r\n--b--\r\n'),
  ]);
  const raw = `POST /index.php HTTP/1.1\r\nHost: a.test\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n\r\n`;
  const answer = await client.ask({ raw, body, params: php("/index.php") });
  expect(JSON.parse(answer.body)).toMatchObject({
    post: { t: "yes" },
    files: { f: ["a.bin", file.length, createHash("md5").update(file).digest("hex")] },
  });
});

test("what a script logs comes on stderr, apart from its page", async () => {
  using client = openFastcgiClient(socket);
  const { stderr, body } = await client.ask({
    raw: get("/index.php?q"),
    params: php("/index.php"),
  });
  expect(stderr).toContain("seen /index.php?q");
  expect(body).not.toContain("seen");
});

test("a page of many records arrives whole", async () => {
  using client = openFastcgiClient(socket);
  const answer = await client.ask({ raw: get("/big.php"), params: php("/big.php") });
  expect(answer.complete).toBe(true);
  expect(answer.body === "0123456789abcdef".repeat(40_000)).toBe(true);
});

test.each([[201], [404], [418], [503]])("status %i passes", async (status) => {
  using client = openFastcgiClient(socket);
  const raw = get(`/answers.php?status=${status}`);
  const answer = await client.ask({ raw, params: php("/answers.php") });
  expect(answer).toMatchObject({ status, body: "done" });
  expect(answer.fields).toContain("X-Kind: test\r\n");
  expect(answer.fields).not.toMatch(/status:/i);
});

test("a Location makes a redirect, beside other header lines", async () => {
  using client = openFastcgiClient(socket);
  const answer = await client.ask({ raw: get("/location.php"), params: php("/location.php") });
  expect(answer.status).toBe(302);
  expect(answer.fields).toMatch(/Location: \/elsewhere\r\n/);
  expect(answer.fields).toMatch(/Set-Cookie: a=1/);
});

test("HEAD has no body", async () => {
  using client = openFastcgiClient(socket);
  const raw = get("/index.php").replace("GET", "HEAD");
  const answer = await client.ask({ raw, params: php("/index.php") });
  expect(answer).toMatchObject({ status: 200, body: "", complete: true });
});

test("a script that fails is a 500 with the reason on stderr", async () => {
  using client = openFastcgiClient(socket);
  const answer = await client.ask({ raw: get("/fatal.php"), params: php("/fatal.php") });
  expect(answer.status).toBe(500);
  expect(answer.stderr).toContain("undefined function nowhere()");
});

test("a page shorter than it announced is not complete", async () => {
  using client = openFastcgiClient(socket);
  const answer = await client.ask({ raw: get("/short.php"), params: php("/short.php") });
  expect(answer).toMatchObject({ status: 200, body: "abc", complete: false });
});

test("a page whose process is killed has no end", async () => {
  using client = openFastcgiClient(socket);
  const asked = client.ask({ raw: get("/killed.php"), params: php("/killed.php") });
  await expect(asked).rejects.toThrow(/closed the connection|EPIPE|ECONNRESET/);
  using next = openFastcgiClient(socket);
  const { status } = await next.ask({ raw: get("/index.php"), params: php("/index.php") });
  expect(status).toBe(200);
});

test("a script that is not there is PHP's own 404", async () => {
  using client = openFastcgiClient(socket);
  const answer = await client.ask({ raw: get("/none.php"), params: php("/none.php") });
  expect(answer).toMatchObject({ status: 404, complete: true });
});
