/** Our server side of uwsgi, SCGI and FastCGI behind nginx. */
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { Server } from "node:net";
import { type Peer, startPeer, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCgiServer, type Seen } from "./support/cgi-server.ts";

const protocols = ["uwsgi", "scgi", "fastcgi"] as const;
let folder: TempFolder;
let nginx: Peer;
const servers: Server[] = [];
const seen = new Map<string, Seen>();

beforeAll(async () => {
  folder = tempFolder();
  for (const protocol of protocols) {
    const made = createCgiServer(protocol);
    seen.set(protocol, made.seen);
    servers.push(made.server);
    await once(made.server.listen(`${folder.path}/${protocol}.sock`), "listening");
  }
  mkdirSync(`${folder.path}/temp`);
  writeFileSync(`${folder.path}/nginx.conf`, configOf(folder.path));
  const args = [
    "-p",
    folder.path,
    "-c",
    `${folder.path}/nginx.conf`,
    "-e",
    `${folder.path}/error.log`,
  ];
  nginx = await startPeer("/usr/sbin/nginx", args, [`${folder.path}/front.sock`]);
});

afterAll(async () => {
  await nginx[Symbol.asyncDispose]();
  for (const server of servers) server.close();
  folder[Symbol.dispose]();
});

function configOf(path: string): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${path}/temp/${name};`)
    .join("\n");
  return `daemon off;
master_process off;
pid ${path}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  ${temp}
  client_max_body_size 10m;
  upstream fast { server unix:${path}/fastcgi.sock; keepalive 4; }
  server {
    listen unix:${path}/front.sock;
    server_name front.test;
    location /uwsgi/ { include /etc/nginx/uwsgi_params; uwsgi_pass unix:${path}/uwsgi.sock; }
    location /scgi/ { include /etc/nginx/scgi_params; scgi_pass unix:${path}/scgi.sock; }
    location /fastcgi/ {
      include /etc/nginx/fastcgi_params;
      fastcgi_keep_conn on;
      fastcgi_pass fast;
    }
    location = /big { include /etc/nginx/fastcgi_params; fastcgi_keep_conn on; fastcgi_pass fast; }
  }
}
`;
}

interface Got {
  readonly status: number | undefined;
  readonly kind: string | undefined;
  readonly body: string;
}

async function ask(path: string, method = "GET", body?: Buffer, chunked = false): Promise<Got> {
  const length = body === undefined || chunked ? {} : { "Content-Length": body.length };
  const headers = { Host: "a.test", "X-Agent": "tester", Proxy: "evil", ...length };
  const question = request({ socketPath: `${folder.path}/front.sock`, path, method, headers });
  question.end(body);
  const [answer] = (await once(question, "response")) as [import("node:http").IncomingMessage];
  const pieces = (await answer.toArray()) as Buffer[];
  const kind = answer.headers["x-kind"];
  return {
    status: answer.statusCode,
    kind: typeof kind === "string" ? kind : undefined,
    body: Buffer.concat(pieces).toString("latin1"),
  };
}

describe.each(protocols)("over %s", (protocol) => {
  test("a request is understood", async () => {
    const got = await ask(`/${protocol}/a%20b?x=1`);
    expect(seen.get(protocol)?.problems).toEqual([]);
    expect(got).toMatchObject({ status: 200, kind: "test" });
    expect(JSON.parse(got.body)).toMatchObject({
      method: "GET",
      path: `/${protocol}/a%20b`,
      query: "x=1",
      authority: "a.test",
      agent: "tester",
      bytes: 0,
      serverName: "front.test",
      scheme: "http",
      scriptName: "",
    });
  });

  test.each([
    ["with its length", false],
    ["in chunks", true],
  ])("a body sent %s arrives whole", async (_how, chunked) => {
    const body = Buffer.alloc(300_001, "0123456789");
    const got = await ask(`/${protocol}/x`, "POST", body, chunked);
    expect(JSON.parse(got.body)).toMatchObject({ method: "POST", bytes: body.length });
    expect(seen.get(protocol)?.problems).toEqual([]);
  });
});

test("one FastCGI connection serves many requests", async () => {
  const before = seen.get("fastcgi")?.connections ?? 0;
  for (const number of [1, 2, 3, 4, 5]) {
    const got = await ask(`/fastcgi/?n=${number}`);
    expect(JSON.parse(got.body)).toMatchObject({ query: `n=${number}` });
  }
  expect((seen.get("fastcgi")?.connections ?? 0) - before).toBeLessThanOrEqual(1);
});

test("a long answer passes in many records", async () => {
  const { body } = await ask("/big");
  expect(body === "0123456789abcdef".repeat(40_000)).toBe(true);
});
