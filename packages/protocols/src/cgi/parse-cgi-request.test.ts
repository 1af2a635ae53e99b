import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits, options } from "../../test/support/requests.ts";
import { formatForwardedRequest } from "../http/format-forward.ts";
import { headerValue, lineName } from "../http/head-lines.ts";
import { decodePath } from "../http/path.ts";
import { createRequestHead } from "../http/request-head.ts";
import { createCgiRequestFacts, parseCgiRequest } from "./parse-cgi-request.ts";

const plain = {
  REQUEST_METHOD: "GET",
  REQUEST_URI: "/x?y",
  HTTP_HOST: "a.test",
  SERVER_PROTOCOL: "HTTP/1.1",
};

function read(variables: Readonly<Record<string, string>> | readonly string[]) {
  const block = Array.isArray(variables)
    ? variables.join("\0")
    : Object.entries(variables).flat().join("\0");
  const head = createRequestHead();
  const facts = createCgiRequestFacts();
  return { status: parseCgiRequest(block, limits, head, facts), head, facts };
}

test("nginx's uwsgi_params become a request", () => {
  const { status, head, facts } = read({
    QUERY_STRING: "y=1",
    REQUEST_METHOD: "POST",
    CONTENT_TYPE: "text/plain",
    CONTENT_LENGTH: "3",
    REQUEST_URI: "/a%20b?y=1",
    PATH_INFO: "/a b",
    DOCUMENT_ROOT: "/usr/share/nginx/html",
    SERVER_PROTOCOL: "HTTP/2.0",
    REQUEST_SCHEME: "https",
    HTTPS: "on",
    REMOTE_ADDR: "2001:db8::1",
    REMOTE_PORT: "5000",
    SERVER_PORT: "443",
    SERVER_NAME: "a.test",
    HTTP_HOST: "A.test",
    HTTP_ACCEPT_ENCODING: "gzip",
    HTTP_CONTENT_LENGTH: "4",
    HTTP_TRANSFER_ENCODING: "chunked",
    HTTP_EXPECT: "100-continue",
    HTTP_UPGRADE: "websocket",
    HTTP_CONNECTION: "upgrade, x-hop",
    HTTP_X_HOP: "1",
  });
  expect(status).toBe(0);
  expect(head).toMatchObject({
    method: "POST",
    target: "/a%20b?y=1",
    path: "/a%20b",
    host: "a.test",
    contentLength: 3,
    chunked: false,
    expectContinue: false,
    upgrade: "",
    keepAlive: false,
  });
  expect(headerValue(head, "accept-encoding")).toBe("gzip");
  expect(headerValue(head, "content-type")).toBe("text/plain");
  expect(facts).toEqual({
    remoteAddress: "2001:db8::1",
    remotePort: 5000,
    scheme: "https",
    serverName: "a.test",
    serverPort: 443,
    scriptName: "",
    protocol: "HTTP/2.0",
    variables: [
      "\0QUERY_STRING\0y=1\0REQUEST_URI\0/a%20b?y=1\0DOCUMENT_ROOT\0/usr/share/nginx/html",
      "\0SERVER_PROTOCOL\0HTTP/2.0\0REQUEST_SCHEME\0https\0HTTPS\0on\0SERVER_PORT\x00443",
      "\0SERVER_NAME\0a.test",
    ].join(""),
  });
  expect(formatForwardedRequest(head, options)).not.toMatch(/x-hop/i);
});

test("without REQUEST_URI the target is made of what CGI has", () => {
  const { status, head, facts } = read({
    REQUEST_METHOD: "GET",
    SCRIPT_NAME: "/shop",
    PATH_INFO: "/a b/100%/\xe9?",
    QUERY_STRING: "q=1",
    SERVER_NAME: "a.test",
    SERVER_PORT: "8080",
    CONTENT_LENGTH: "",
  });
  expect(status).toBe(0);
  expect(head).toMatchObject({
    path: "/shop/a%20b/100%25/%E9%3F",
    query: "q=1",
    authority: "a.test:8080",
    contentLength: -1,
  });
  expect(facts.scriptName).toBe("/shop");
});

type Block = Readonly<Record<string, string>>;

/** `mount` is where the application is mounted, `info` the rest of the path as it will see it. */
test.each<[what: string, variables: Block, mount: string, info: string, query: string]>([
  ["its mount apart", { SCRIPT_NAME: "/s", PATH_INFO: "/x", REQUEST_URI: "/s/x" }, "/s", "/x", ""],
  ["the mount itself", { SCRIPT_NAME: "/s", PATH_INFO: "", REQUEST_URI: "/s" }, "/s", "", ""],
  [
    "the mount in both",
    { SCRIPT_NAME: "/s", PATH_INFO: "/s/x", REQUEST_URI: "/s/x?a=1" },
    "/s",
    "/x",
    "a=1",
  ],
  [
    "the mount in both, alone",
    { SCRIPT_NAME: "/s", PATH_INFO: "/s", REQUEST_URI: "/s" },
    "/s",
    "",
    "",
  ],
  [
    "a folder of the mount's name",
    { SCRIPT_NAME: "/s", PATH_INFO: "/s/x", REQUEST_URI: "/s/s/x" },
    "/s",
    "/s/x",
    "",
  ],
  [
    "a mount's name that goes on",
    { SCRIPT_NAME: "/s", PATH_INFO: "/shop", REQUEST_URI: "/s/shop" },
    "/s",
    "/shop",
    "",
  ],
  ["a rewritten path", { PATH_INFO: "/new/x", REQUEST_URI: "/old/x" }, "", "/new/x", ""],
  [
    "a rewritten query",
    { PATH_INFO: "/x", QUERY_STRING: "b=2", REQUEST_URI: "/x?a=1" },
    "",
    "/x",
    "b=2",
  ],
  ["merged slashes", { PATH_INFO: "/a/b", REQUEST_URI: "/a//b" }, "", "/a/b", ""],
  ["a slash in a name", { PATH_INFO: "/a/b", REQUEST_URI: "/a%2Fb" }, "", "/a/b", ""],
  ["a percent sign", { PATH_INFO: "/100%", REQUEST_URI: "/100%25" }, "", "/100%", ""],
  ["bytes above ASCII", { PATH_INFO: "/\xe9 ?", REQUEST_URI: "/%E9%20%3F" }, "", "/\xe9 ?", ""],
  [
    "no PATH_INFO, SCRIPT_NAME all of it",
    { SCRIPT_NAME: "/x/y", REQUEST_URI: "/x/y" },
    "",
    "/x/y",
    "",
  ],
  [
    "no PATH_INFO, DOCUMENT_URI rewritten",
    { DOCUMENT_URI: "/new", REQUEST_URI: "/old?q" },
    "",
    "/new",
    "q",
  ],
  [
    "the whole path three times",
    { SCRIPT_NAME: "/x/y", PATH_INFO: "/x/y", DOCUMENT_URI: "/x/y", REQUEST_URI: "/x/y" },
    "",
    "/x/y",
    "",
  ],
  ["a root for a mount", { SCRIPT_NAME: "/", PATH_INFO: "/x", REQUEST_URI: "/x" }, "", "/x", ""],
  ["nothing but REQUEST_URI", { REQUEST_URI: "/x?q" }, "", "/x", "q"],
])("with %s", (_what, variables, mount, info, query) => {
  const { status, head, facts } = read({
    REQUEST_METHOD: "GET",
    HTTP_HOST: "a.test",
    ...variables,
  });
  expect(status).toBe(0);
  expect(facts.scriptName).toBe(mount);
  expect(decodePath(head.path.slice(mount.length))).toBe(info);
  expect(head.query).toBe(query);
});

test("a path that is as the client wrote it keeps what only that tells", () => {
  const { head } = read({ ...plain, PATH_INFO: "/a/b", REQUEST_URI: "/a%2Fb" });
  expect(head.path).toBe("/a%2Fb");
});

test("what an operator adds is passed on; nothing can take the place of a key of WSGI's own", () => {
  const { facts } = read({
    ...plain,
    REMOTE_USER: "ann",
    SSL_CLIENT_CERT: "-----BEGIN\n\tMII",
    app_stage: "blue",
    "wsgi.input": "x",
    "A-B": "x",
    CONTENT_TYPE: "",
    CONTENT_LENGTH: "",
    REMOTE_ADDR: "192.0.2.1",
  });
  expect(facts.variables).toBe(
    [
      "\0REQUEST_URI\0/x?y\0SERVER_PROTOCOL\0HTTP/1.1\0REMOTE_USER\0ann",
      "\0SSL_CLIENT_CERT\0-----BEGIN\n\tMII\0app_stage\0blue",
    ].join(""),
  );
});

test("SCRIPT_NAME alone, as in nginx's fastcgi_params, is no mount", () => {
  const { facts } = read({ ...plain, SCRIPT_NAME: "/x", REQUEST_URI: "/x?y" });
  expect(facts.scriptName).toBe("");
});

test("one variable sent twice is the last one, as for nginx's other readers", () => {
  const variables = Object.entries(plain).flat();
  const { facts } = read([...variables, "SERVER_NAME", "a.test", "SERVER_NAME", "b.test"]);
  expect(facts.serverName).toBe("b.test");
});

test("header variables sent twice are two lines", () => {
  const variables = Object.entries(plain).flat();
  const { head } = read([...variables, "HTTP_X_A", "1", "HTTP_X_A", "2"]);
  expect(headerValue(head, "x-a")).toBe("1, 2");
});

describe("a block is refused", () => {
  test.each<readonly [string, Readonly<Record<string, string>>]>([
    ["no method", { REQUEST_METHOD: "" }],
    ["a space in the method", { REQUEST_METHOD: "GET / HTTP/1.1\r\nX:" }],
    ["a line break in the method", { REQUEST_METHOD: "GET\r\n" }],
    ["a space in the target", { REQUEST_URI: "/a HTTP/1.1" }],
    ["a line break in the target", { REQUEST_URI: "/a\r\nX: y" }],
    ["a target that is none", { REQUEST_URI: "a" }],
    ["a line break in REQUEST_URI beside a path", { REQUEST_URI: "/a\r\nX: y", PATH_INFO: "/a" }],
    ["a path above the root beside REQUEST_URI", { REQUEST_URI: "/a", PATH_INFO: "/../a" }],
    ["a dot segment behind a backslash", { PATH_INFO: "/a\\..\\b" }],
    ["a path above the root", { REQUEST_URI: "/../a" }],
    ["a line break in a header", { HTTP_X_A: "1\r\nContent-Length: 5" }],
    ["a LF in a header", { HTTP_X_A: "1\nX: 2" }],
    ["a line break in Host", { HTTP_HOST: "a.test\r\nX: 1" }],
    ["an invalid Host", { HTTP_HOST: "a b" }],
    ["a header's name in small letters", { HTTP_x: "1" }],
    ["a header's name with a colon", { "HTTP_X:": "1" }],
    ["an empty header name", { HTTP_: "1" }],
    ["a length that is no number", { CONTENT_LENGTH: "3, 3" }],
    ["a negative length", { CONTENT_LENGTH: "-1" }],
    ["a line break in the length", { CONTENT_LENGTH: "3\r\nTransfer-Encoding: chunked" }],
    ["a line break in the type", { CONTENT_TYPE: "a\r\nX: y" }],
  ])("with %s", (_what, change) => {
    const { status, head } = read({ ...plain, ...change });
    expect(status).toBe(400);
    expect(head.problem).not.toBe("");
  });

  test.each([["REQUEST_METHOD"], ["REQUEST_URI"], ["HTTP_HOST"], ["CONTENT_LENGTH"]])(
    "with two different %s",
    (name) => {
      const variables = Object.entries({ ...plain, CONTENT_LENGTH: "3" }).flat();
      expect(read([...variables, name, "4"]).status).toBe(400);
    },
  );

  test("with a name without a value", () => {
    expect(read([...Object.entries(plain).flat(), "X"]).status).toBe(400);
  });

  test("with too much in it", () => {
    expect(read({ ...plain, HTTP_X: "x".repeat(40_000) }).status).toBe(431);
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`HTTP_X${at}`, "1"]));
    expect(read({ ...plain, ...many }).status).toBe(431);
  });
});

test("whatever the values, no line is added to the request", () => {
  const value = fc.oneof(
    fc.constantFrom("GET", "/x", "a.test", "\r\nX-Evil: 1", "a\r\n\r\nGET / HTTP/1.1", "\n"),
    fc.string({ unit: "binary-ascii", maxLength: 12 }).map((text) => text.replaceAll("\0", "")),
  );
  const name = fc.constantFrom(
    "REQUEST_METHOD",
    "REQUEST_URI",
    "HTTP_HOST",
    "HTTP_X_A",
    "CONTENT_TYPE",
    "PATH_INFO",
    "SERVER_PROTOCOL",
    "SERVER_NAME",
  );
  fc.assert(
    fc.property(fc.dictionary(name, value), (change) => {
      const { status, head } = read({ ...plain, ...change });
      if (status !== 0) return;
      const names = Array.from({ length: head.lineCount }, (_, line) => lineName(head, line));
      expect(["Host", "Content-Type", "x-a"]).toEqual(expect.arrayContaining(names));
    }),
    { numRuns: 1000 },
  );
});
