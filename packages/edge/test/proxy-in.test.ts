/** PROXY headers before HTTP and TLS, by hand and from a real HAProxy; and clients over IPv6. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { encodeProxyHeader } from "@stack/protocols";
import { eventually, exchangeRaw, freePort, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, timeoutsMs } from "./edge-process.ts";
import {
  type Backend,
  plainListener,
  startBackend,
  tell,
  tlsListener,
  writePair,
} from "./fixtures/secure.ts";

const folder = tempFolder();
const pair = writePair(folder.path, "site", ["localhost"]);
const logFile = join(folder.path, "access.log");
const listed = ["127.0.0.0/8", "::1"];
const hosts = ["127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", "::1", "::"];
let backend: Backend;
let edge: EdgeProcess;

beforeAll(async () => {
  backend = await startBackend(tell);
  edge = await startEdge({
    hosts,
    plan: {
      listeners: [
        { ...plainListener, proxyFrom: listed },
        tlsListener([pair], {}, { proxyFrom: listed }),
        { ...plainListener, proxyFrom: ["192.0.2.0/24"] },
        plainListener,
        { ...plainListener, proxyFrom: listed },
        plainListener,
      ],
      accessLog: { file: logFile, format: "{client} {path} {status}" },
      timeoutsMs: { ...timeoutsMs, header: 3_000 },
      routes: [route("/*", { kind: "upstream", upstream: "told" })],
      upstreams: { told: { servers: [backend.address] } },
      trustedProxies: ["2001:db8::/32"],
    },
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const get = "GET /told HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const v1 = "PROXY TCP4 198.51.100.7 203.0.113.1 4711 443\r\n";

function target(listener: number): { port: number; host: string } {
  const host = hosts[listener] ?? "";
  return { port: edge.ports[listener] ?? 0, host: host === "::" ? "127.0.0.1" : host };
}

function v2(source: string, destination: string): Buffer {
  const header = encodeProxyHeader(2, {
    sourceAddress: source,
    sourcePort: 4711,
    destinationAddress: destination,
    destinationPort: 443,
  });
  return Buffer.from(header, "latin1");
}

test.for<[what: string, header: string | Buffer, client: string]>([
  ["version 1", v1, "198.51.100.7"],
  ["version 1, IPv6", "PROXY TCP6 2001:db9::7 2001:db9::1 4711 443\r\n", "2001:db9::7"],
  ["version 1, UNKNOWN", "PROXY UNKNOWN\r\n", "127.0.0.1"],
  ["version 2", v2("198.51.100.8", "203.0.113.1"), "198.51.100.8"],
  ["version 2, IPv6", v2("2001:db9::8", "2001:db9::1"), "2001:db9::8"],
  ["version 2, LOCAL", Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex"), "127.0.0.1"],
])("%s: the client is who the header says", async ([, header, client]) => {
  const whole = await exchangeRaw(target(0), [
    Buffer.concat([Buffer.from(header), Buffer.from(get)]),
  ]);
  expect(whole).toContain(`"x-forwarded-for":"${client}"`);
  const split = await exchangeRaw(target(0), [...bytesOf(header), get]);
  expect(split).toContain(`"x-real-ip":"${client}"`);
});

function bytesOf(header: string | Buffer): Buffer[] {
  const bytes = Buffer.from(header);
  return Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}

test("a second request on the connection is of the same client", async () => {
  const answer = await exchangeRaw(target(0), [
    v1,
    "GET /told HTTP/1.1\r\nHost: a.test\r\n\r\n",
    get,
  ]);
  expect(answer.match(/"x-forwarded-for":"198\.51\.100\.7"/g)).toHaveLength(2);
});

test("the access log names the client", async () => {
  await exchangeRaw(target(0), [v1, get.replace("/told", "/logged")]);
  await eventually("the line", () =>
    readFileSync(logFile, "utf8").includes("198.51.100.7 /logged 200\n"),
  );
});

test.for([
  ["a request without one", get],
  ["a version 1 line without its end", `PROXY TCP4 ${"1".repeat(200)}`],
  ["a version 1 line with a name", "PROXY TCP4 evil.test 203.0.113.1 1 2\r\n"],
  ["an unknown version 2 command", Buffer.from("0d0a0d0a000d0a515549540a2f110000", "hex")],
  ["a version 2 header beyond all bounds", Buffer.from("0d0a0d0a000d0a515549540a2111ffff", "hex")],
])("%s ends the connection without an answer", async ([, bytes = ""]) => {
  expect(await exchangeRaw(target(0), [bytes]).catch(() => "")).toBe("");
});

test("a header that does not come is not waited for", async () => {
  const socket: Socket = connect(target(0));
  socket.on("error", () => {}).resume();
  socket.write("PROXY TCP4 ");
  await once(socket, "close");
});

test("from anybody who is not listed a header is no request", async () => {
  expect(await exchangeRaw(target(2), [v1, get])).toMatch(/^HTTP\/1\.1 400 /);
  expect(await exchangeRaw(target(2), [v2("198.51.100.8", "203.0.113.1"), get])).toMatch(
    /^HTTP\/1\.1 400 /,
  );
  expect(await exchangeRaw(target(2), [get])).toContain('"x-forwarded-for":"127.0.0.1"');
});

test.for(["split", "joined"])("TLS begins behind the header (%s)", async (how) => {
  const socket = connect(target(1));
  await once(socket, "connect");
  if (how === "split") socket.write(v1);
  else {
    socket.cork();
    socket.write(v1);
    process.nextTick(() => socket.uncork());
  }
  const secure = connectTls({ socket, rejectUnauthorized: false, servername: "localhost" });
  let received = "";
  secure.setEncoding("latin1").on("data", (text: string) => {
    received += text;
  });
  secure.write(get);
  await once(secure, "end");
  expect(received).toContain('"x-forwarded-for":"198.51.100.7"');
  expect(received).toContain('"x-forwarded-proto":"https"');
  secure.destroy();
});

test("clients over IPv6 are named as such, in every header and in the log", async () => {
  const answer = await exchangeRaw(target(3), [get.replace("/told", "/six")]);
  expect(answer).toContain('"x-forwarded-for":"::1"');
  await eventually("the line", () => readFileSync(logFile, "utf8").includes("::1 /six 200\n"));
});

test("a listener on [::] takes IPv4 as well, under its usual name", async () => {
  expect(await exchangeRaw(target(5), [get])).toContain('"x-forwarded-for":"127.0.0.1"');
  const six = { port: edge.ports[5] ?? 0, host: "::1" };
  expect(await exchangeRaw(six, [get])).toContain('"x-forwarded-for":"::1"');
});

test("an IPv6 proxy that is trusted tells the client's IPv6 address", async () => {
  const trusted = v2("2001:db8::1", "2001:db8::2");
  const said = get.replace("\r\n\r\n", "\r\nX-Forwarded-For: 2001:db9::99\r\n\r\n");
  const answer = await exchangeRaw(target(4), [Buffer.concat([trusted, Buffer.from(said)])]);
  expect(answer).toContain('"x-real-ip":"2001:db9::99"');
  expect(answer).toContain('"x-forwarded-for":"2001:db9::99, 2001:db8::1"');
});

test.for([
  ["send-proxy", "", 0],
  ["send-proxy-v2", "", 0],
  ["send-proxy-v2 ssl verify none", "https", 1],
] as const)("HAProxy with %s is understood", async ([option, scheme, listener]) => {
  const port = await freePort();
  const file = join(folder.path, "haproxy.cfg");
  writeFileSync(
    file,
    `defaults
  mode ${scheme === "https" ? "http" : "tcp"}
  timeout connect 2s
  timeout client 5s
  timeout server 5s
listen in
  bind 127.0.0.1:${port}
  server edge 127.0.0.1:${edge.ports[listener]} ${option} source 127.0.0.9
`,
  );
  const haproxy = spawn("haproxy", ["-q", "-db", "-f", file], { stdio: "ignore" });
  try {
    const from = { port, host: "127.0.0.1", localAddress: "127.0.0.5" };
    const answer = await eventually("an answer", async () => {
      const text = await exchangeRaw(from, [get]);
      return text !== "" && text;
    });
    expect(answer).toContain('"x-forwarded-for":"127.0.0.5"');
    expect(answer).toContain(`"x-forwarded-proto":"${scheme === "" ? "http" : scheme}"`);
  } finally {
    const exited = once(haproxy, "exit");
    haproxy.kill("SIGKILL");
    await exited;
  }
});
