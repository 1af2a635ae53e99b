/** Names of upstreams' servers, against a DNS server of the test's own; and who is told of clients. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { eventually, exchangeRaw, startPeer } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { type DnsServer, startDnsServer } from "./fixtures/dns-server.ts";

/** Real servers take their time to start on a busy machine. */
let edge: EdgeProcess;
let dns: DnsServer;
const servers: Server[] = [];
let port = 0;

/** The same port on several addresses of this machine. */
beforeAll(async () => {
  for (const host of ["127.0.0.1", "127.0.0.2"]) {
    const server = createServer((_request, response) => response.end(host));
    server.listen(port, host);
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  }
  dns = await startDnsServer();
  edge = await startEdge({ threads: 1 });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function use(name: string): Promise<void> {
  await edge.configure({
    routes: [route("/*", { kind: "upstream", upstream: name })],
    upstreams: { [name]: { servers: [`${name}.test:${port}`], resolver: [dns.address] } },
    timeoutsMs: { ...timeoutsMs, connect: 1_000 },
  });
}

async function ask(): Promise<string> {
  const answer = await exchangeRaw(edge.target, [
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  ]);
  return answer.startsWith("HTTP/1.1 200 ")
    ? answer.slice(answer.indexOf("\r\n\r\n") + 4)
    : answer.slice(9, 12);
}

const addressesOf = (name: string): readonly string[] =>
  (edge.metrics()?.upstreams?.[name]?.servers ?? []).map(({ address }) => address);

test("a name is asked for again when its time is over, and each of its addresses is a server", async () => {
  dns.names.set("moving.test", { addresses: ["127.0.0.1"], ttlS: 1 });
  await use("moving");
  await eventually("an answer", async () => (await ask()) === "127.0.0.1");
  dns.names.set("moving.test", { addresses: ["127.0.0.2"], ttlS: 1 });
  await eventually("the new address", async () => (await ask()) === "127.0.0.2");
  dns.names.set("moving.test", { addresses: ["127.0.0.1", "127.0.0.2"], ttlS: 1 });
  await eventually("two servers", () => addressesOf("moving").length === 2);
  expect(addressesOf("moving")).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  await eventually("both to be asked", async () => {
    return new Set([await ask(), await ask()]).size === 2;
  });
});

test("the last good addresses stay while nobody can say, and while the name is gone", async () => {
  dns.names.set("kept.test", { addresses: ["127.0.0.1"], ttlS: 1 });
  await use("kept");
  await eventually("an answer", async () => (await ask()) === "127.0.0.1");
  dns.fails = true;
  await eventually("the failure", () => edge.output().includes("kept.test cannot be resolved"));
  expect(await ask()).toBe("127.0.0.1");
  expect(edge.output()).toContain("its last addresses stay in use");
  dns.fails = false;
  dns.names.delete("kept.test");
  const before = dns.questions;
  await eventually("another question", () => dns.questions > before);
  expect(await ask()).toBe("127.0.0.1");
  dns.names.set("kept.test", { addresses: ["127.0.0.2"], ttlS: 1 });
  await eventually("the new address", async () => (await ask()) === "127.0.0.2");
});

test("after a failed connection a name is asked for at once, however long it was to last", async () => {
  dns.names.set("gone.test", { addresses: ["127.0.0.3"], ttlS: 3_600 });
  await use("gone");
  await eventually("its address", () => addressesOf("gone").includes(`127.0.0.3:${port}`));
  dns.names.set("gone.test", { addresses: ["127.0.0.2"], ttlS: 3_600 });
  expect(await ask()).toBe("502");
  await eventually("the new address", async () => (await ask()) === "127.0.0.2");
});

test("a name server that knows nothing of IPv6 is good enough", async () => {
  dns.names.set("four.test", { addresses: ["127.0.0.2"], ttlS: 60 });
  dns.failsOnSix = true;
  await use("four");
  await eventually("an answer", async () => (await ask()) === "127.0.0.2");
  dns.failsOnSix = false;
});

test("a name of the hosts file needs no name server", async () => {
  await edge.configure({
    routes: [route("/*", { kind: "upstream", upstream: "local" })],
    upstreams: { local: { servers: [`localhost:${port}`] } },
  });
  await eventually("its addresses", () => addressesOf("local").includes(`127.0.0.1:${port}`));
  expect(await ask()).toBe("127.0.0.1");
});

test("nginx is told of the client by both versions of the PROXY protocol", async () => {
  const socket = join(edge.folder, "nginx.sock");
  const file = join(edge.folder, "nginx.conf");
  writeFileSync(file, nginxConfig(edge.folder, socket));
  await using nginx = await startPeer("nginx", ["-c", file, "-p", edge.folder], [socket]);
  for (const proxyProtocol of [1, 2] as const) {
    await edge.configure({
      routes: [route("/*", { kind: "upstream", upstream: "told" })],
      upstreams: { told: { servers: [`unix:${socket}`], proxyProtocol } },
    });
    for (let round = 0; round < 3; round += 1) {
      expect(await ask()).toMatch(
        new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${edge.port}$`),
      );
    }
  }
  expect(nginx.output()).not.toContain("broken header");
});

function nginxConfig(folder: string, socket: string): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/temp;`)
    .join("\n");
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
access_log off;
${temp}
server {
listen unix:${socket} proxy_protocol;
location / {
return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
}
}
}
`;
}
