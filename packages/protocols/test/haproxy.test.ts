/** HAProxy: on both ends of the PROXY protocol, and as a FastCGI client of ours. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import {
  exchangeRaw,
  freePort,
  type Peer,
  startPeer,
  type TempFolder,
  tempFolder,
} from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProxyHeader, encodeProxyHeader, parseProxyHeader } from "../src/index.ts";
import { createCgiServer } from "./support/cgi-server.ts";

let folder: TempFolder;
let haproxy: Peer;
let port: number;
let portV1: number;
const fastcgi = createCgiServer("fastcgi");
const behind = createBehind();

beforeAll(async () => {
  folder = tempFolder();
  port = await freePort();
  portV1 = await freePort();
  await once(fastcgi.server.listen(`${folder.path}/fastcgi.sock`), "listening");
  await once(behind.listen(`${folder.path}/behind.sock`), "listening");
  writeFileSync(`${folder.path}/haproxy.cfg`, configOf(folder.path));
  haproxy = await startPeer(
    "/usr/sbin/haproxy",
    ["-db", "-f", `${folder.path}/haproxy.cfg`],
    ["v1", "v2", "tlv", "http"].map((name) => `${folder.path}/${name}.sock`),
  );
});

afterAll(async () => {
  await haproxy[Symbol.asyncDispose]();
  behind.close();
  fastcgi.server.close();
  folder[Symbol.dispose]();
});

function configOf(path: string): string {
  const to = `server behind unix@${path}/behind.sock`;
  return `defaults
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen from-tcp
  bind 127.0.0.1:${port}
  ${to} send-proxy-v2
listen from-tcp-v1
  bind 127.0.0.1:${portV1}
  ${to} send-proxy
listen v1
  bind unix@${path}/v1.sock accept-proxy
  ${to} send-proxy
listen v2
  bind unix@${path}/v2.sock accept-proxy
  ${to} send-proxy-v2
listen tlv
  bind unix@${path}/tlv.sock accept-proxy
  unique-id-format id-%rt
  ${to} send-proxy-v2 proxy-v2-options crc32c,unique-id
fcgi-app app
  docroot /srv/www
  option keep-conn
  option get-values
listen http
  mode http
  bind unix@${path}/http.sock
  use-fcgi-app app
  server app unix@${path}/fastcgi.sock proto fcgi
`;
}

/** Reads the header, byte by byte as if each had come alone, and answers with what it said. */
function createBehind(): Server {
  return createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const header = createProxyHeader();
      let end = 0;
      for (let length = 0; length <= received.length && end === 0; length++) {
        end = parseProxyHeader(received, 0, length, header);
      }
      const rest = received.toString("latin1", Math.max(0, end));
      if (end < 0 || (end > 0 && rest.endsWith("!")))
        socket.end(JSON.stringify({ ...header, rest }));
    });
  });
}

describe("a connection over TCP", () => {
  test.each([
    [1, () => portV1],
    [2, () => port],
  ])("is announced in version %i", async (version, portOf) => {
    const socket = connect(portOf(), "127.0.0.1");
    await once(socket, "connect");
    const { localPort } = socket;
    socket.write("hello!");
    const answer = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
    expect(JSON.parse(answer)).toEqual({
      version,
      hasAddresses: true,
      sourceAddress: "127.0.0.1",
      sourcePort: localPort,
      destinationAddress: "127.0.0.1",
      destinationPort: portOf(),
      problem: "",
      rest: "hello!",
    });
  });
});

describe.each([["v1"], ["v2"], ["tlv"]])("through HAProxy's %s", (out) => {
  test.each([
    [1, "203.0.113.9", "10.0.0.1"],
    [2, "203.0.113.9", "10.0.0.1"],
    [1, "2001:db8::1", "::1"],
    [2, "2001:db8::1", "::1"],
    [2, "203.0.113.9", "2001:db8::2"],
  ] as const)(
    "our version %i of %s to %s comes back the same",
    async (version, source, destination) => {
      const header = encodeProxyHeader(version, {
        sourceAddress: source,
        sourcePort: 50_000,
        destinationAddress: destination,
        destinationPort: 443,
      });
      const target = { path: `${folder.path}/${out}.sock` };
      const answer = await exchangeRaw(target, [Buffer.from(header, "latin1"), "hello!"]);
      expect(JSON.parse(answer), haproxy.output()).toMatchObject({
        version: out === "v1" ? 1 : 2,
        hasAddresses: true,
        sourceAddress: source,
        sourcePort: 50_000,
        destinationAddress: destination,
        destinationPort: 443,
        problem: "",
        rest: "hello!",
      });
    },
  );

  test.each([[1], [2]] as const)("our version %i without addresses is taken", async (version) => {
    const header = encodeProxyHeader(version, undefined);
    const target = { path: `${folder.path}/${out}.sock` };
    const answer = await exchangeRaw(target, [Buffer.from(header, "latin1"), "hello!"]);
    expect(JSON.parse(answer)).toMatchObject({ hasAddresses: false, problem: "", rest: "hello!" });
  });
});

describe("as a FastCGI client", () => {
  const ask = (raw: string, body = ""): Promise<string> =>
    exchangeRaw({ path: `${folder.path}/http.sock` }, [raw, body]);

  test("HAProxy asks about us, and its requests are understood", async () => {
    const answer = await ask(
      "GET /a%20b?x=1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    );
    expect(fastcgi.seen.problems).toEqual([]);
    expect(answer).toMatch(/^HTTP\/1.1 200 Fine\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))).toMatchObject({
      method: "GET",
      path: "/a%20b",
      query: "x=1",
      authority: "a.test",
    });
    expect(fastcgi.seen.replies).toBeGreaterThan(0);
  });

  test("a body arrives whole", async () => {
    const body = "0123456789".repeat(10_000);
    const raw = `POST /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await ask(raw, body);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))).toMatchObject({
      bytes: body.length,
    });
  });

  test("a long answer passes in many records", async () => {
    const answer = await ask("GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    const page = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    expect(page === "0123456789abcdef".repeat(40_000)).toBe(true);
  });
});
