/** Our clients of three protocols against uWSGI, which serves all of them. */
import { writeFileSync } from "node:fs";
import { type Peer, startPeer, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Ask, askOnce, openFastcgiClient } from "./support/cgi-client.ts";

const app = `import hashlib, json
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/big":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"0123456789abcdef" * 10000] * 4
    if environ["PATH_INFO"] == "/status":
        start_response("418 Teapot", [("X-Kind", "test"), ("Content-Length", "4")])
        return [b"done"]
    if environ["PATH_INFO"] == "/short":
        start_response("200 OK", [("Content-Length", "9")])
        return [b"abc"]
    start_response("200 OK", [("Content-Type", "application/json")])
    names = ["REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "HTTP_HOST",
        "SERVER_NAME", "SERVER_PORT", "REQUEST_URI", "wsgi.url_scheme", "HTTP_X_A", "HTTP_PROXY"]
    seen = {name: environ.get(name) for name in names}
    seen["bytes"] = len(body)
    seen["body"] = hashlib.md5(body).hexdigest()
    return [json.dumps(seen).encode()]
`;

let folder: TempFolder;
let server: Peer;
const protocols = ["uwsgi", "scgi", "fastcgi"] as const;

beforeAll(async () => {
  folder = tempFolder();
  writeFileSync(`${folder.path}/app.py`, app);
  const socketArgs = protocols.flatMap((name) => [`--${name}-socket`, pathOf(name)]);
  const args = ["--plugin", "python3", "--wsgi-file", `${folder.path}/app.py`, "--need-app"];
  server = await startPeer(
    "uwsgi",
    [...args, "--buffer-size", "65535", "--processes", "1", ...socketArgs],
    protocols.map(pathOf),
  );
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function pathOf(protocol: string): string {
  return `${folder.path}/${protocol}.sock`;
}

async function ask(protocol: (typeof protocols)[number], question: Ask): Promise<Answer> {
  if (protocol !== "fastcgi") return await askOnce(protocol, pathOf(protocol), question);
  using client = openFastcgiClient(pathOf(protocol));
  return await client.ask(question);
}

describe.each(protocols)("over %s", (protocol) => {
  test("an application gets its variables", async () => {
    const raw = "GET /a%20b?x=1 HTTP/1.1\r\nHost: a.test\r\nX-A: \xe9\r\nProxy: evil\r\n\r\n";
    const answer = await ask(protocol, { raw });
    expect(answer, server.output()).toMatchObject({ status: 200, complete: true, problem: "" });
    expect(JSON.parse(answer.body)).toMatchObject({
      REQUEST_METHOD: "GET",
      SCRIPT_NAME: "",
      PATH_INFO: "/a b",
      QUERY_STRING: "x=1",
      REMOTE_ADDR: "203.0.113.9",
      HTTP_HOST: "a.test",
      SERVER_NAME: "a.test",
      SERVER_PORT: "8080",
      REQUEST_URI: "/a%20b?x=1",
      "wsgi.url_scheme": "http",
      HTTP_X_A: "\xe9",
      HTTP_PROXY: null,
      bytes: 0,
    });
  });

  test("a body arrives whole", async () => {
    const body = Buffer.alloc(200_003, "0123456789");
    const raw = `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await ask(protocol, { raw, body });
    expect(JSON.parse(answer.body)).toMatchObject({ REQUEST_METHOD: "POST", bytes: body.length });
  });

  test("a long answer without length arrives whole", async () => {
    const answer = await ask(protocol, { raw: "GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n" });
    expect(answer.complete).toBe(true);
    expect(answer.body === "0123456789abcdef".repeat(40_000)).toBe(true);
  });

  test("a status and header lines pass", async () => {
    const answer = await ask(protocol, { raw: "GET /status HTTP/1.1\r\nHost: a.test\r\n\r\n" });
    expect(answer).toMatchObject({ status: 418, body: "done", complete: true });
    expect(answer.fields).toContain("X-Kind: test\r\n");
  });

  test("an answer shorter than it announced is not complete", async () => {
    const answer = await ask(protocol, { raw: "GET /short HTTP/1.1\r\nHost: a.test\r\n\r\n" });
    expect(answer).toMatchObject({ status: 200, body: "abc", complete: false });
  });
});
