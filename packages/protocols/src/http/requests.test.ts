import { describe, expect, test } from "vitest";
import {
  allForwardedLines,
  cgiOf,
  limits,
  options,
  parse,
  statusOf,
  trusted,
} from "../../test/support/requests.ts";
import { resolveClientAddress } from "./client-address.ts";
import { formatForwardedRequest } from "./format-forward.ts";
import { headerValue, lineName, lineValue } from "./head-lines.ts";
import { clearRequestHead, createRequestHead } from "./request-head.ts";

function request(lines: string, first = "GET / HTTP/1.1"): string {
  return `${first}\r\nHost: a.test\r\n${lines}\r\n`;
}

describe("keep-alive", () => {
  test.each([
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: close\r\n", false],
    ["HTTP/1.1", "Connection: Keep-Alive, Close\r\n", false],
    ["HTTP/1.1", "Connection: x\r\nConnection: CLOSE\r\n", false],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: Keep-Alive\r\n", true],
    ["HTTP/1.0", "Connection: keep-alive\r\nConnection: close\r\n", false],
  ])("of %s with %j is %s", (version, lines, keepAlive) => {
    expect(parse(request(lines, `GET / ${version}`)).head.keepAlive).toBe(keepAlive);
  });
});

test("expects 100-continue only in 1.1 and with a body", () => {
  const expecting = "Expect: 100-Continue\r\nContent-Length: 3\r\n";
  expect(parse(request(expecting, "PUT / HTTP/1.1")).head.expectContinue).toBe(true);
  expect(parse(request(expecting, "PUT / HTTP/1.0")).head.expectContinue).toBe(false);
  expect(parse(request("Expect: 100-continue\r\n", "PUT / HTTP/1.1")).head.expectContinue).toBe(
    false,
  );
});

test("knows the upgrade only when Connection names it", () => {
  const upgrade = "Upgrade: WebSocket\r\n";
  expect(parse(request(`Connection: keep-alive, Upgrade\r\n${upgrade}`)).head.upgrade).toBe(
    "websocket",
  );
  expect(parse(request(upgrade)).head.upgrade).toBe("");
  expect(parse(request(`Connection: upgrade\r\n${upgrade}`, "GET / HTTP/1.0")).head.upgrade).toBe(
    "",
  );
});

test("finds values in any case, joined, without the white space around them", () => {
  const { head } = parse(request('If-None-Match: \t"a" \t\r\nX-A:\r\nif-none-match:"b"\r\n'));
  expect(headerValue(head, "if-none-match")).toBe('"a", "b"');
  expect(headerValue(head, "x-a")).toBe("");
  expect(headerValue(head, "x-b")).toBeUndefined();
  expect(lineName(head, 1)).toBe("If-None-Match");
  expect(lineValue(head, 3)).toBe('"b"');
});

test("one record serves many requests and keeps nothing of the one before", () => {
  const head = createRequestHead();
  const first =
    "POST http://b.test:81/x?q HTTP/1.1\r\nHost: b.test\r\nTransfer-Encoding: chunked\r\nConnection: close, x, upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n\r\n";
  expect(parse(first, head).status).toBe(0);
  expect(parse("GET / HTTP/1.0\r\n\r\n", head).status).toBe(0);
  const fresh = parse("GET / HTTP/1.0\r\n\r\n").head;
  const { lines: usedLines, ...used } = head;
  const { lines: freshLines, ...untouched } = fresh;
  expect(used).toEqual(untouched);
  expect(usedLines[0]).toBe(freshLines[0]);
  clearRequestHead(head);
  expect(JSON.stringify(head)).not.toContain("b.test");
});

test("what is said about a client follows the connection and the Host, not the record", () => {
  const { head } = parse(request(""));
  expect(formatForwardedRequest(head, options)).toContain("X-Forwarded-For: 203.0.113.9\r\n");
  const other = { ...options, peerAddress: "203.0.113.10", clientAddress: "203.0.113.10" };
  expect(formatForwardedRequest(head, other)).toContain("X-Forwarded-For: 203.0.113.10\r\n");
  parse("GET / HTTP/1.1\r\nHost: c.test\r\n\r\n", head);
  expect(formatForwardedRequest(head, other)).toContain("X-Forwarded-Host: c.test\r\n");
});

test("accepts as many lines as the limit says and room for them grows", () => {
  const lines = "X-A: 1\r\n".repeat(limits.headerCount - 1);
  const { status, head } = parse(request(lines));
  expect(status).toBe(0);
  expect(head.lineCount).toBe(limits.headerCount);
  expect(lineValue(head, limits.headerCount - 1)).toBe("1");
  expect(statusOf(request(`${lines}X-A: 1\r\n`))).toBe(431);
});

describe("Host", () => {
  test.each([
    ["A.test:80", "a.test", 80, "a.test:80"],
    ["a.test:", "a.test", 0, "a.test"],
    ["a.test.", "a.test", 0, "a.test"],
    ["a_b-c.test:0080", "a_b-c.test", 80, "a_b-c.test:80"],
    ["[::1]:8080", "[::1]", 8080, "[::1]:8080"],
    ["[2001:DB8::1]", "[2001:db8::1]", 0, "[2001:db8::1]"],
    ["127.0.0.1", "127.0.0.1", 0, "127.0.0.1"],
  ])("%s is %s, port %i", (value, host, port, authority) => {
    const { status, head } = parse(`GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`);
    expect(status).toBe(0);
    expect([head.host, head.port, head.authority]).toEqual([host, port, authority]);
  });

  test.each([
    ["a..b"],
    [".a"],
    ["."],
    ["[::1"],
    ["[::1]x"],
    ["[a]"],
    ["[]"],
    ["a:b"],
    ["a:0"],
    ["a:65536"],
    ["a:1:2"],
    ["::1"],
    ["a%2eb"],
    ["a'b"],
    ["a\\b"],
    ["a?b"],
    ["\xe4.test"],
    ["a\tb"],
  ])("%s is refused", (value) => {
    expect(statusOf(`GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`)).toBe(400);
    expect(statusOf(`GET / HTTP/1.0\r\nHost: ${value}\r\n\r\n`)).toBe(400);
  });
});

describe("stripPrefix", () => {
  test.each([
    ["/api/x?y", "GET /x?y HTTP/1.1", "/api", "/x"],
    ["/api/", "GET / HTTP/1.1", "/api", "/"],
    ["/api", "GET / HTTP/1.1", "/api", ""],
    ["/%61pi/%7ex", "GET /~x HTTP/1.1", "/api", "/~x"],
  ])("takes /api off %s", (target, line, scriptName, pathInfo) => {
    const raw = request("", `GET ${target} HTTP/1.1`);
    const lines = allForwardedLines(raw, { stripPrefix: "/api" });
    expect(lines[0]).toBe(line);
    expect(lines.filter((one) => one.startsWith("X-Forwarded-Prefix"))).toEqual([
      "X-Forwarded-Prefix: /api",
    ]);
    const variables = cgiOf(raw, { stripPrefix: "/api" });
    expect(variables.get("SCRIPT_NAME")).toBe(scriptName);
    expect(variables.get("PATH_INFO")).toBe(pathInfo);
    expect(variables.get("REQUEST_URI")).toBe(target);
  });
});

test("a prefix that nobody took off is not said, whatever a client claims", () => {
  const raw = request("X-Forwarded-Prefix: /evil\r\n");
  expect(allForwardedLines(raw, {}).join("\n")).not.toContain("X-Forwarded-Prefix");
  expect(allForwardedLines(raw, { stripPrefix: "/" }).join("\n")).not.toContain("evil");
});

describe("a trusted proxy", () => {
  const raw = request(
    "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nForwarded: for=1.1.1.1\r\nX-Request-Start: t=1\r\nX-Real-IP: 6.6.6.6\r\nX_Evil: 1\r\nProxy: x\r\n",
  );

  test("is believed and appended to", () => {
    expect(allForwardedLines(raw, trusted)).toEqual([
      "GET / HTTP/1.1",
      "Host: a.test",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: shop.test",
      "Forwarded: for=1.1.1.1",
      "X-Request-Start: t=1",
      "X-Forwarded-For: 1.1.1.1, 198.51.100.7, 10.0.0.2",
      "X-Real-IP: 198.51.100.7",
      "Forwarded: for=10.0.0.2",
      "Via: 1.1 stack",
    ]);
  });

  test("is believed in the CGI block", () => {
    const variables = cgiOf(raw, trusted);
    expect(Object.fromEntries(variables)).toMatchObject({
      REMOTE_ADDR: "198.51.100.7",
      "wsgi.url_scheme": "https",
      HTTP_HOST: "a.test",
      HTTP_X_FORWARDED_FOR: "1.1.1.1, 198.51.100.7, 10.0.0.2",
      HTTP_X_FORWARDED_PROTO: "https",
      HTTP_X_FORWARDED_HOST: "shop.test",
      HTTP_X_REAL_IP: "198.51.100.7",
      HTTP_FORWARDED: "for=1.1.1.1, for=10.0.0.2",
      HTTP_X_REQUEST_START: "t=1",
    });
    expect(variables.has("HTTP_X_EVIL")).toBe(false);
    expect(variables.has("HTTP_PROXY")).toBe(false);
  });

  test("that says nothing is spoken for", () => {
    const lines = allForwardedLines(request(""), { ...trusted, peerAddress: "fd00::2" });
    expect(lines).toContain("X-Forwarded-For: fd00::2");
    expect(lines).toContain("X-Forwarded-Proto: http");
    expect(lines).toContain("X-Forwarded-Host: a.test");
  });
});

test("the CGI block of an untrusted client has exactly the documented keys", () => {
  const variables = cgiOf(
    "POST /caf%C3%A9/%2e/x?a=%20b HTTP/1.1\r\nHost: Shop.test:81\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nCookie: a=1\r\ncookie: b=2\r\nX-Multi: 1\r\nx-multi: 2\r\nX-Forwarded-For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\nContent_Type: evil\r\nProxy: evil\r\nConnection: X-Hop\r\nX-Hop: 1\r\nVia: 1.0 old\r\nDate: x\r\n\r\n",
  );
  expect(Object.fromEntries(variables)).toEqual({
    REQUEST_METHOD: "POST",
    SCRIPT_NAME: "",
    PATH_INFO: "/caf\xc3\xa9/x",
    QUERY_STRING: "a=%20b",
    REQUEST_URI: "/caf%C3%A9/%2e/x?a=%20b",
    SERVER_NAME: "shop.test",
    SERVER_PORT: "8080",
    SERVER_PROTOCOL: "HTTP/1.1",
    REMOTE_ADDR: "203.0.113.9",
    REMOTE_PORT: "50000",
    "wsgi.url_scheme": "http",
    CONTENT_TYPE: "text/plain",
    CONTENT_LENGTH: "3",
    HTTP_HOST: "shop.test:81",
    HTTP_COOKIE: "a=1; b=2",
    HTTP_X_MULTI: "1,2",
    HTTP_X_FORWARDED_FOR: "203.0.113.9",
    HTTP_X_REAL_IP: "203.0.113.9",
    HTTP_X_FORWARDED_PROTO: "http",
    HTTP_X_FORWARDED_HOST: "shop.test:81",
    HTTP_VIA: "1.0 old, 1.1 stack",
    HTTP_DATE: "x",
  });
});

test("bytes above 0x7f reach a worker as they came", () => {
  const variables = cgiOf(request("X-B: \xe9\r\n", "GET /\xe9?\xe9 HTTP/1.1"));
  expect(variables.get("PATH_INFO")).toBe("/\xe9");
  expect(variables.get("QUERY_STRING")).toBe("\xe9");
  expect(variables.get("REQUEST_URI")).toBe("/\xe9?\xe9");
  expect(variables.get("HTTP_X_B")).toBe("\xe9");
});

test("a chunked request has no CONTENT_LENGTH and no Transfer-Encoding in the CGI block", () => {
  const variables = cgiOf(request("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.1"));
  expect(variables.has("CONTENT_LENGTH")).toBe(false);
  expect(variables.has("HTTP_TRANSFER_ENCODING")).toBe(false);
});

test("a name too long to be remembered is a key like any other", () => {
  const name = `X-${"a".repeat(200)}`;
  const variables = cgiOf(request(`${name}: 1\r\n${name}: 2\r\nAccept: x\r\n`));
  expect(variables.get(`HTTP_X_${"A".repeat(200)}`)).toBe("1,2");
  expect(variables.get("HTTP_ACCEPT")).toBe("x");
});

test("lists that would be work and nothing else are refused", () => {
  expect(statusOf(request(`Connection: ${"a,".repeat(64)}close\r\n`))).toBe(400);
  expect(statusOf(request(`Connection: ${"a,".repeat(63)}close\r\n`))).toBe(0);
  expect(statusOf(request(`Transfer-Encoding: ${"a,".repeat(9)}chunked\r\n`))).toBe(400);
  expect(statusOf(`GET / HTTP/1.1\r\nHost: ${"a".repeat(261)}\r\n\r\n`)).toBe(400);
});

test("the dearest heads of 32 KB cost little more than their length", () => {
  const dear = [
    request(`${"Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u\r\nX-A: 1\r\n".repeat(48)}`),
    request(`X-A: ${"_".repeat(30_000)}\r\n`),
    request(`X-A: ${" ".repeat(30_000)}x\r\n`),
    request(`${"a".repeat(30_000)}: 1\r\n`),
    request("", `GET /${"%2e/".repeat(2040)} HTTP/1.1`),
    request("", `GET /${"a/../".repeat(1630)} HTTP/1.1`),
    request("", `GET /${"\xe9".repeat(8000)} HTTP/1.1`),
    request(`${"a".repeat(30_000)}\r\n`),
    request(`X-A: ${"\r".repeat(30_000)}\r\n`),
  ];
  for (const raw of dear) {
    const before = process.threadCpuUsage().user;
    for (let round = 0; round < 10; round++) {
      if (statusOf(raw) === 0) {
        allForwardedLines(raw);
        cgiOf(raw);
      }
    }
    const spentMs = (process.threadCpuUsage().user - before) / 10_000;
    expect(spentMs, raw.slice(0, 80)).toBeLessThan(20);
  }
});

test("more names than are remembered change nothing", () => {
  for (let index = 0; index < 1500; index++) {
    const variables = cgiOf(request(`X-Name-${index}: 1\r\nx-name-${index}: 2\r\n`));
    expect(variables.get(`HTTP_X_NAME_${index}`)).toBe("1,2");
  }
});

describe("the client behind trusted proxies", () => {
  const isTrusted = (address: string) => address.startsWith("10.");
  test.each([
    ["203.0.113.9", "1.1.1.1", "203.0.113.9"],
    ["10.0.0.2", undefined, "10.0.0.2"],
    ["10.0.0.2", "1.1.1.1", "1.1.1.1"],
    ["10.0.0.2", "6.6.6.6, 1.1.1.1, 10.0.0.3", "1.1.1.1"],
    ["10.0.0.2", "10.0.0.4, 10.0.0.3", "10.0.0.4"],
    ["10.0.0.2", "6.6.6.6, junk, 10.0.0.3", "10.0.0.3"],
    ["10.0.0.2", "1.1.1.1:5678", "1.1.1.1"],
    ["10.0.0.2", "[2001:db8::1]:5678", "2001:db8::1"],
    ["10.0.0.2", "2001:db8::1", "2001:db8::1"],
    ["10.0.0.2", "", "10.0.0.2"],
  ])("of %s saying %j is %s", (peer, value, client) => {
    expect(resolveClientAddress(peer, value, isTrusted)).toBe(client);
  });
});
