import { describe, expect, test } from "vitest";
import { limits, options, parse, trusted } from "../../test/support/requests.ts";
import type { ForwardOptions } from "../http/forward-rules.ts";
import { noBody } from "../http/framing.ts";
import { createRequestHead } from "../http/request-head.ts";
import { type CgiParams, formatCgiParams, noScript, scriptLookupPath } from "./format-params.ts";
import { createCgiRequestFacts, parseCgiRequest } from "./parse-cgi-request.ts";
import { splitScriptPath } from "./script-path.ts";

function paramsOf(
  raw: string,
  params: CgiParams = noScript,
  overrides: Partial<ForwardOptions> = {},
): Record<string, string> {
  const { status, head } = parse(raw);
  expect(status).toBe(0);
  const framing = head.contentLength >= 0 ? head.contentLength : noBody;
  const block = formatCgiParams(head, { ...options, framing, ...overrides }, params);
  const parts = block.split("\0");
  const found: Record<string, string> = {};
  for (let index = 0; index < parts.length; index += 2) {
    const name = parts[index] ?? "";
    expect(Object.keys(found), `${name} twice`).not.toContain(name);
    found[name] = parts[index + 1] ?? "(missing)";
  }
  return found;
}

function phpOf(path: string, extra: CgiParams["extra"] = []): CgiParams {
  return { script: splitScriptPath(path, "index.php"), documentRoot: "/srv/php", extra };
}

test("an upload to a PHP script has the variables of nginx's fastcgi_params", () => {
  const raw =
    "POST /app.php/a%20b?x=%20y HTTP/1.1\r\nHost: A.test:81\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nCookie: a=1\r\nCookie: b=2\r\nX-One: 1\r\nX-One: 2\r\n\r\n";
  expect(paramsOf(raw, phpOf("/app.php/a%20b"))).toEqual({
    REQUEST_METHOD: "POST",
    QUERY_STRING: "x=%20y",
    REQUEST_URI: "/app.php/a%20b?x=%20y",
    SCRIPT_NAME: "/app.php",
    PATH_INFO: "/a b",
    DOCUMENT_URI: "/app.php/a b",
    DOCUMENT_ROOT: "/srv/php",
    SCRIPT_FILENAME: "/srv/php/app.php",
    CONTENT_LENGTH: "3",
    CONTENT_TYPE: "text/plain",
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: expect.stringMatching(/^stack\/\d/),
    SERVER_NAME: "a.test",
    SERVER_PORT: "8080",
    GATEWAY_INTERFACE: "CGI/1.1",
    REDIRECT_STATUS: "200",
    REQUEST_SCHEME: "http",
    REMOTE_ADDR: "203.0.113.9",
    REMOTE_PORT: "50000",
    HTTP_HOST: "a.test:81",
    HTTP_COOKIE: "a=1; b=2",
    HTTP_X_ONE: "1,2",
    HTTP_X_FORWARDED_FOR: "203.0.113.9",
    HTTP_X_REAL_IP: "203.0.113.9",
    HTTP_X_FORWARDED_PROTO: "http",
    HTTP_X_FORWARDED_HOST: "a.test:81",
    HTTP_VIA: "1.1 stack",
  });
});

test("an application that is no file has the whole path as PATH_INFO", () => {
  const found = paramsOf("GET /a%2Fb/%C3%A9 HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect(found).toMatchObject({ SCRIPT_NAME: "", PATH_INFO: "/a/b/\xc3\xa9" });
  expect(Object.keys(found)).not.toContain("SCRIPT_FILENAME");
  expect(Object.keys(found)).not.toContain("CONTENT_LENGTH");
  expect(Object.keys(found)).not.toContain("HTTPS");
});

test.each([
  ["/a%7eb/?", "/a~b/?"],
  ["/admin/../public?x=%20", "/public?x=%20"],
  ["/x/%2e%2e/admin", "/admin"],
  ["HTTP://a.test/x?y", "/x?y"],
  ["http://a.test", "/"],
])("REQUEST_URI of %j is the path that was matched: %j", (target, uri) => {
  const found = paramsOf(`GET ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
  expect(found).toMatchObject({ REQUEST_URI: uri });
});

test("a stripped prefix is part of SCRIPT_NAME, not of the file", () => {
  const raw = "GET /blog/x.php/y HTTP/1.1\r\nHost: a.test\r\n\r\n";
  const { head } = parse(raw);
  expect(scriptLookupPath(head, "/blog")).toBe("/x.php/y");
  expect(paramsOf(raw, phpOf("/x.php/y"), { stripPrefix: "/blog" })).toMatchObject({
    SCRIPT_NAME: "/blog/x.php",
    SCRIPT_FILENAME: "/srv/php/x.php",
    PATH_INFO: "/y",
    DOCUMENT_URI: "/blog/x.php/y",
  });
  expect(paramsOf(raw, noScript, { stripPrefix: "/blog" })).toMatchObject({
    SCRIPT_NAME: "/blog",
    PATH_INFO: "/x.php/y",
  });
});

test("a path that is all prefix looks for the folder's index", () => {
  const { head } = parse("GET /blog HTTP/1.1\r\nHost: a.test\r\n\r\n");
  expect(scriptLookupPath(head, "/blog")).toBe("/");
});

test("https is said where the connection, or a trusted proxy, says it", () => {
  const raw = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\n\r\n";
  expect(paramsOf(raw, noScript, { scheme: "https" })).toMatchObject({
    HTTPS: "on",
    REQUEST_SCHEME: "https",
  });
  expect(paramsOf(raw, noScript, trusted)).toMatchObject({
    HTTPS: "on",
    REQUEST_SCHEME: "https",
    REMOTE_ADDR: "198.51.100.7",
  });
  expect(Object.keys(paramsOf(raw))).not.toContain("HTTPS");
});

describe("what a client may not say", () => {
  test.each([
    ["Proxy: http://evil\r\n", "HTTP_PROXY"],
    ["proxy: http://evil\r\n", "HTTP_PROXY"],
    ["X_One: 1\r\n", "HTTP_X_ONE"],
    ["Script_Filename: /etc/passwd\r\n", "HTTP_SCRIPT_FILENAME"],
    ["Transfer-Encoding: chunked\r\n", "HTTP_TRANSFER_ENCODING"],
    ["Connection: close\r\n", "HTTP_CONNECTION"],
    ["X-Accel-Redirect: /x\r\n", "HTTP_X_ACCEL_REDIRECT"],
  ])("%j never becomes %s", (line, name) => {
    const found = paramsOf(`POST / HTTP/1.1\r\nHost: a.test\r\n${line}\r\n`);
    expect(Object.keys(found)).not.toContain(name);
  });
});

test("the operator's variables win, but HTTP_PROXY is not to be had", () => {
  const extra = [
    ["SERVER_NAME", "b.test"],
    ["PHP_VALUE", "memory_limit=1G"],
    ["HTTP_PROXY", "http://evil"],
    ["BAD", "a\0b"],
  ] as const;
  const found = paramsOf("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", phpOf("/", extra));
  expect(found).toMatchObject({ SERVER_NAME: "b.test", PHP_VALUE: "memory_limit=1G" });
  expect(found).not.toHaveProperty("HTTP_PROXY");
  expect(found).not.toHaveProperty("BAD");
});

test("what we send is read again as the same request", () => {
  const raw =
    "PUT /a%20b/c?d=%3F HTTP/1.1\r\nHost: a.test:81\r\nContent-Length: 5\r\nContent-Type: x/y\r\nX-One: 1\r\nCookie: a=1; b=2\r\n\r\n";
  const block = formatCgiParams(
    parse(raw).head,
    { ...options, framing: 5, scheme: "https" },
    noScript,
  );
  const head = createRequestHead();
  const facts = createCgiRequestFacts();
  expect(parseCgiRequest(block, limits, head, facts)).toBe(0);
  expect(head).toMatchObject({
    method: "PUT",
    path: "/a%20b/c",
    query: "d=%3F",
    authority: "a.test:81",
    contentLength: 5,
  });
  expect(facts).toMatchObject({
    remoteAddress: "203.0.113.9",
    remotePort: 50_000,
    scheme: "https",
    serverName: "a.test",
    serverPort: 8080,
    scriptName: "",
  });
});
