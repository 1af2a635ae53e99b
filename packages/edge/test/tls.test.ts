/** TLS over a real edge process: who is let in, with which certificate, and what changes while it runs. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { eventually, exchangeRaw, nextEvent, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { connectH2, frameType } from "./fixtures/raw-h2.ts";
import {
  type Backend,
  plainListener,
  startBackend,
  tell,
  tlsListener,
  writeClientPair,
  writePair,
} from "./fixtures/secure.ts";

const folder = tempFolder();
const first = writePair(folder.path, "first", ["localhost", "first.test"]);
const second = writePair(folder.path, "second", ["second.test", "*.wild.test"]);
const known = writeClientPair(folder.path, "known");
const stranger = writeClientPair(folder.path, "stranger");
const watched = writePair(folder.path, "watched", ["before.test"]);
const selfSignedFolder = join(folder.path, "made");

const listeners = [
  plainListener,
  tlsListener([first, second], { hsts: "max-age=60; includeSubDomains" }),
  tlsListener([first], { clientCa: known.cert }),
  tlsListener([first], { clientCa: known.cert, clientCertificates: "optional" }),
  tlsListener([first], { minVersion: "TLSv1.3", http2: false }),
  tlsListener([watched]),
  tlsListener([], { selfSignedFolder }),
  { ...plainListener, redirectPort: 8443 },
];
const [plain, usual, mutual, optional, modern, changing, own, sending] = listeners.keys();

let backend: Backend;
let edge: EdgeProcess;

beforeAll(async () => {
  backend = await startBackend(tell);
  edge = await startEdge({ hosts: listeners.map(() => "127.0.0.1"), plan: plan() });
});

function plan() {
  return {
    listeners,
    timeoutsMs: { ...timeoutsMs, header: 3_000 },
    routes: [
      route("/*", { kind: "upstream" as const, upstream: "told" }),
      {
        ...route("/socket", { kind: "upstream" as const, upstream: "told" }),
        upgrade: ["websocket"],
      },
      route("/fixed", {
        kind: "respond" as const,
        status: 200,
        body: "fixed\n",
        type: "text/plain",
      }),
      route("/.well-known/*", {
        kind: "respond" as const,
        status: 200,
        body: "token",
        type: "text/plain",
      }),
    ],
    upstreams: { told: { servers: [backend.address] } },
  };
}

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Client extends Disposable {
  readonly socket: TLSSocket;
  /** Sends a request on this connection; all that comes until `enough`. */
  readonly ask: (text: string, enough?: RegExp) => Promise<string>;
}

async function open(
  listener: number | undefined,
  options: ConnectionOptions = {},
): Promise<Client> {
  const socket = connect({
    port: edge.ports[listener ?? 0] ?? 0,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ...options,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
  socket.on("error", () => {});
  return {
    socket,
    ask: (text, enough = /fixed\n$|\}$/) =>
      new Promise((resolve) => {
        let received = "";
        const finish = (): void => {
          socket.off("data", onData);
          resolve(received);
        };
        const onData = (piece: Buffer): void => {
          received += piece.toString("latin1");
          if (enough.test(received)) finish();
        };
        socket.on("data", onData);
        socket.once("close", finish);
        socket.write(text);
      }),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

const get = (host: string, path = "/fixed"): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

function subjectOf({ socket }: Client): string {
  return socket.getPeerX509Certificate()?.subject ?? "";
}

test("HTTP/1.1 goes on over one TLS connection, request after request", async () => {
  using client = await open(usual, { ALPNProtocols: ["http/1.1"] });
  expect(client.socket.alpnProtocol).toBe("http/1.1");
  for (let count = 0; count < 3; count += 1) {
    expect(await client.ask(get("localhost"))).toMatch(/^HTTP\/1\.1 200 /);
  }
});

test("a client without ALPN is served as well", async () => {
  using client = await open(usual);
  expect(client.socket.alpnProtocol).toBe(false);
  expect(await client.ask(get("localhost"))).toContain("fixed\n");
});

test("the upstream is told of HTTPS, the client of HSTS, also in an error", async () => {
  using client = await open(usual);
  const answer = await client.ask(get("localhost", "/told"));
  expect(answer).toContain('"x-forwarded-proto":"https"');
  expect(answer).toContain("\r\nStrict-Transport-Security: max-age=60; includeSubDomains\r\n");
  const refused = await client.ask("GET /\0 HTTP/1.1\r\n\r\n", /<\/html>|Reason.*\n/);
  expect(refused).toMatch(/^HTTP\/1\.1 400 [\s\S]*Strict-Transport-Security/);
});

test("a body of 4 MB goes in and comes back", async () => {
  using client = await open(usual);
  const body = "0123456789abcdef".repeat(256 * 1024);
  const answer = await client.ask(
    `POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    /\r\n0\r\n\r\n$/,
  );
  const echoed = answer
    .slice(answer.indexOf("\r\n\r\n") + 4)
    .replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, "");
  expect(echoed.length).toBe(body.length + 2);
});

test.for([
  ["first.test", "first.test", "localhost"],
  ["second.test", "second.test", "second.test"],
  ["SECOND.test", "second.test", "second.test"],
  ["a.wild.test", "second.test", "second.test"],
  ["a.b.wild.test", "the first", "localhost"],
  ["unknown.test", "the first", "localhost"],
])("who asks for %s gets the certificate of %s", async ([servername = "", , name]) => {
  using client = await open(usual, { servername });
  expect(subjectOf(client)).toBe(`CN=${name}`);
});

test("a listener of TLS 1.3 refuses 1.2, and one without HTTP/2 does not offer it", async () => {
  await expect(open(modern, { maxVersion: "TLSv1.2" })).rejects.toThrow();
  using client = await open(modern, { ALPNProtocols: ["h2", "http/1.1"] });
  expect(client.socket.alpnProtocol).toBe("http/1.1");
  using old = await open(usual, { maxVersion: "TLSv1.2" });
  expect(await old.ask(get("localhost"))).toContain("fixed\n");
});

const pem = (pair: { cert: string; key: string }): ConnectionOptions => ({
  cert: readFileSync(pair.cert),
  key: readFileSync(pair.key),
});

/** With TLS 1.3 a client believes itself connected until it is told otherwise. */
async function isServed(
  listener: number | undefined,
  options: ConnectionOptions,
): Promise<boolean> {
  try {
    using client = await open(listener, options);
    return (await client.ask(get("localhost"))).includes("fixed\n");
  } catch {
    return false;
  }
}

test("a WebSocket is opened over TLS, and both sides are heard", async () => {
  using client = await open(usual, { ALPNProtocols: ["http/1.1"] });
  const answer = await client.ask(
    "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    /\r\n\r\nhello$/,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 101 /);
  expect(await client.ask("there", /you said there$/)).toBe("you said there");
});

test("where client certificates are required, only a known one is let in", async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    expect(await isServed(mutual, { maxVersion })).toBe(false);
    expect(await isServed(mutual, { maxVersion, ...pem(stranger) })).toBe(false);
    expect(await isServed(mutual, { maxVersion, ...pem(known) })).toBe(true);
  }
});

test("where they are optional, none will do, but not a wrong one", async () => {
  expect(await isServed(optional, {})).toBe(true);
  expect(await isServed(optional, pem(stranger))).toBe(false);
  expect(await isServed(optional, pem(known))).toBe(true);
});

test("with client certificates a request for another name is 421", async () => {
  using client = await open(mutual, { ...pem(known), servername: "localhost" });
  expect(await client.ask(get("localhost"))).toMatch(/^HTTP\/1\.1 200 /);
  expect(await client.ask(get("other.test"), /Reason.*\n/)).toMatch(/^HTTP\/1\.1 421 /);
});

async function sessionOf(listener: number | undefined, options: ConnectionOptions = {}) {
  using client = await open(listener, options);
  const session = once(client.socket, "session") as Promise<[Buffer]>;
  await client.ask(get("localhost"));
  return client.socket.getProtocol() === "TLSv1.3"
    ? (await session)[0]
    : client.socket.getSession();
}

test.for(["TLSv1.2", "TLSv1.3"] as const)(
  "sessions of %s are resumed on every thread",
  async (version) => {
    const options = { servername: "localhost", maxVersion: version };
    const session = await sessionOf(usual, options);
    for (let count = 0; count < 12; count += 1) {
      using client = await open(usual, { ...options, session });
      await client.ask(get("localhost"));
      expect(client.socket.isSessionReused()).toBe(true);
    }
  },
);

test("a session made without a client certificate does not open a listener that wants one", async () => {
  const session = await sessionOf(usual, { servername: "localhost" });
  expect(await isServed(mutual, { servername: "localhost", session })).toBe(false);
  const lax = await sessionOf(optional, { servername: "localhost" });
  expect(await isServed(mutual, { servername: "localhost", session: lax })).toBe(false);
});

test("a certificate that is replaced is served without a reload, a bad one is not", async () => {
  const subject = async (): Promise<string> => {
    using client = await open(changing);
    return subjectOf(client);
  };
  expect(await subject()).toBe("CN=before.test");
  writeFileSync(watched.cert, "no certificate");
  await eventually("the warning", () => edge.output().includes("the old ones stay"));
  expect(edge.output()).toContain("watched.crt cannot be used");
  expect(await subject()).toBe("CN=before.test");
  const after = writePair(folder.path, "after", ["after.test"]);
  copyFileSync(after.key, watched.key);
  copyFileSync(after.cert, watched.cert);
  await eventually("the new certificate on every thread", async () => {
    for (let count = 0; count < 6; count += 1) {
      if ((await subject()) !== "CN=after.test") return false;
    }
    return true;
  });
});

test("a self-signed certificate is made once, and its key is nobody else's to read", async () => {
  using client = await open(own, { servername: "localhost" });
  const certificate = client.socket.getPeerX509Certificate();
  expect(certificate?.subjectAltName).toContain("DNS:localhost, DNS:*.localhost");
  expect(certificate?.subjectAltName).toContain("IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  const file = new X509Certificate(readFileSync(join(selfSignedFolder, "self-signed.crt")));
  expect(certificate?.fingerprint256).toBe(file.fingerprint256);
  expect(statSync(join(selfSignedFolder, "self-signed.key")).mode & 0o777).toBe(0o600);
  await edge.configure(plan());
  using again = await open(own, {
    servername: "localhost",
    rejectUnauthorized: true,
    ca: readFileSync(join(selfSignedFolder, "self-signed.crt")),
  });
  expect(again.socket.authorized).toBe(true);
});

test("a handshake that does not come is not waited for", async () => {
  const socket = connectPlain({ port: edge.ports[usual ?? 0] ?? 0, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(Buffer.from([22, 3, 1, 2])); // the start of a ClientHello
  socket.resume();
  await once(socket, "close");
});

test("plain HTTP on a TLS port ends that connection and no other", async () => {
  const target = { port: edge.ports[usual ?? 0] ?? 0, host: "127.0.0.1" };
  const answer = await exchangeRaw(target, [get("localhost")]).catch(() => "");
  expect(answer).not.toContain("HTTP/1.1");
  expect(await isServed(usual, {})).toBe(true);
});

test("the redirect keeps host, path and query, and leaves ACME challenges alone", async () => {
  const target = { port: edge.ports[sending ?? 0] ?? 0, host: "127.0.0.1" };
  const ask = (text: string) => exchangeRaw(target, [text], (all) => /\n$|token/.test(all));
  const answer = await ask(
    "POST /a%20b?c=d&e HTTP/1.1\r\nHost: Shop.test:8080\r\nContent-Length: 3\r\n\r\nabc",
  );
  expect(answer).toMatch(/^HTTP\/1\.1 308 /);
  expect(answer).toContain("\r\nLocation: https://shop.test:8443/a%20b?c=d&e\r\n");
  expect(await ask("GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  const challenge = await ask(get("shop.test", "/.well-known/acme-challenge/x"));
  expect(challenge).toMatch(/^HTTP\/1\.1 200 /);
});

test("the plain listener beside them is as it always was", async () => {
  const target = { port: edge.ports[plain ?? 0] ?? 0, host: "127.0.0.1" };
  const answer = await exchangeRaw(target, [get("localhost")], (all) => all.includes("fixed\n"));
  expect(answer).not.toContain("Strict-Transport-Security");
});

test("a plan whose certificate is not there is refused, and the old one goes on", async () => {
  const answered = nextEvent(edge.events, "message", ({ type }) => type === "edge-failed");
  edge.sendPlan({
    ...plan(),
    listeners: listeners.map((one, index) =>
      index === usual ? tlsListener([{ cert: "/nowhere/a.crt", key: "/nowhere/a.key" }]) : one,
    ),
  });
  const [message] = await answered;
  expect(message).toMatchObject({
    error: {
      code: "E4003",
      title: "The certificate file /nowhere/a.crt cannot be used: there is no such file",
    },
  });
  expect(await isServed(usual, {})).toBe(true);
});

test("a drain closes idle connections of every kind, and the edge ends", async () => {
  await using mine = await startEdge({ plan: { ...plan(), listeners: [tlsListener([first])] } });
  const idle = connect({ port: mine.port, host: "127.0.0.1", rejectUnauthorized: false });
  idle.on("error", () => {}).resume();
  await once(idle, "secureConnect");
  using h2 = await connectH2(mine.port);
  const silent = connectPlain({ port: mine.port, host: "127.0.0.1" });
  silent.on("error", () => {}).resume();
  const exited = once(mine.child, "exit");
  mine.send({ type: "drain", deadlineMs: 20_000 });
  expect((await h2.frame(({ type }) => type === frameType.goaway)).stream).toBe(0);
  expect((await exited)[0]).toBe(0);
});
