/** Answers compressed on their way, over a real edge: apps, upstreams and files. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { connect as connectH2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import zlib from "node:zlib";
import type { EdgePlan } from "@stack/config";
import { eventually, exchangeRaw, type TempFolder, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker } from "./fake-worker.ts";
import { startSecureEdge } from "./fixtures/secure.ts";

let folder: TempFolder;
let server: Server;
let worker: FakeWorker;
let edge: EdgeProcess;
let plan: Partial<EdgePlan>;
const page = "<p>hello hello hello hello</p>\n".repeat(200);
const long = Buffer.from(Array.from({ length: 200_000 }, (_, at) => `line ${at}\n`).join(""));
const html = "Content-Type: text/html; charset=utf-8\r\n";

/** The head of the answer, and what is done with the connection then. */
const answers: Record<
  string,
  (request: IncomingMessage, socket: import("node:net").Socket) => void
> = {
  page: (_request, socket) =>
    void socket.end(
      `HTTP/1.1 200 OK\r\n${html}ETag: "a"\r\nAccept-Ranges: bytes\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
    ),
  long: (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${html}Content-Length: ${long.length}\r\n\r\n`);
    socket.end(long);
  },
  noise: (_request, socket) => {
    noise.socket = socket;
    socket.write(`HTTP/1.1 200 OK\r\n${html}Content-Length: ${noise.bytes.length}\r\n\r\n`);
    socket.end(noise.bytes);
  },
  short: (_request, socket) =>
    void socket.end(`HTTP/1.1 200 OK\r\n${html}Content-Length: 2\r\n\r\nok`),
  part: (_request, socket) =>
    void socket.end(
      `HTTP/1.1 206 Partial Content\r\n${html}Content-Range: bytes 0-1999/5000\r\nContent-Length: 2000\r\n\r\n${page.slice(0, 2000)}`,
    ),
  coded: (_request, socket) =>
    void socket.end(
      `HTTP/1.1 200 OK\r\n${html}Content-Encoding: x\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
    ),
  kept: (_request, socket) =>
    void socket.end(
      `HTTP/1.1 200 OK\r\n${html}Cache-Control: no-transform\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
    ),
  image: (_request, socket) =>
    void socket.end(
      `HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: ${page.length}\r\n\r\n${page}`,
    ),
  error: (_request, socket) =>
    void socket.end(`HTTP/1.1 500 No\r\n${html}Content-Length: ${page.length}\r\n\r\n${page}`),
  events: (_request, socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
  },
  streamed: (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${html}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`);
    streams.push(socket);
  },
  cut: (_request, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${html}Content-Length: 100000\r\n\r\n${page}`);
    socket.destroySoon();
  },
};
/** What gets no shorter, so that the client is the slow one. */
const noise = {
  bytes: randomBytes(16 * 1024 * 1024),
  socket: undefined as import("node:net").Socket | undefined,
  before: -1,
  still: 0,
  unsent: () => noise.socket?.writableLength ?? 0,
  isStill() {
    const now = noise.socket?.bytesWritten ?? 0;
    noise.still = now === noise.before ? noise.still + 1 : 0;
    noise.before = now;
    return noise.still > 20;
  },
};
const streams: import("node:net").Socket[] = [];

beforeAll(async () => {
  folder = tempFolder();
  const root = join(folder.path, "public");
  mkdirSync(root);
  writeFileSync(join(root, "page.html"), page);
  writeFileSync(join(root, "tiny.html"), "tiny");
  writeFileSync(join(root, "long.txt"), long);
  writeFileSync(join(root, "photo.png"), page);
  writeFileSync(join(root, "noise.txt"), randomBytes(5_000));
  server = createServer((request) => {
    answers[request.url?.split("/").at(-1) ?? ""]?.(request, request.socket);
  }).listen(0);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  worker = await startWorker(folder.path, (request) =>
    request.answer(page, `200 OK\r\nContent-Type: text/html\r\nVary: Cookie\r\n`),
  );
  plan = {
    limits: { ...limits, bufferBytes: 64 * 1024, spillBytes: 64 * 1024 * 1024 },
    spillFolder: folder.path,
    compression: { encodings: ["zstd", "br", "gzip"], minBytes: 1024, types: ["text/*"] },
    routes: [
      route("/up/*", { kind: "upstream", upstream: "up" }),
      { ...route("/plain/*", { kind: "upstream", upstream: "up" }), compression: false },
      route("/files/*", { kind: "static", root }),
      { ...route("/asis/*", { kind: "static", root }), compression: false },
      route("/*", { kind: "app", app: "shop" }),
    ],
    upstreams: { up: { servers: [`127.0.0.1:${port}`] } },
  };
  edge = await startEdge({ threads: 1, plan });
  await edge.arbiter("shop", [worker.record]);
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
  folder[Symbol.dispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** @param encoding of Accept-Encoding; undefined for none */
async function ask(
  path: string,
  encoding?: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  const request = get({
    ...edge.target,
    path,
    method,
    agent: false,
    headers: { ...headers, ...(encoding === undefined ? {} : { "Accept-Encoding": encoding }) },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(pieces),
  };
}

function decode(answer: Answer): Buffer {
  switch (answer.headers["content-encoding"]) {
    case "br":
      return zlib.brotliDecompressSync(answer.body);
    case "zstd":
      return zlib.zstdDecompressSync(answer.body);
    case "gzip":
      return zlib.gunzipSync(answer.body);
    default:
      return answer.body;
  }
}

test.for([
  ["br", "br"],
  ["gzip", "gzip"],
  ["zstd", "zstd"],
  ["gzip, deflate, br", "br"],
  ["gzip;q=1, br;q=0.1", "gzip"],
  ["br;q=0, *", "zstd"],
  ["identity;q=0, gzip", "gzip"],
])(
  "Accept-Encoding: %s gets %s, of an upstream, a worker and a file",
  async ([accept, encoding]) => {
    for (const path of ["/up/page", "/any", "/files/page.html", "/files/page.html"]) {
      const answer = await ask(path, accept);
      expect(answer.headers["content-encoding"], path).toBe(encoding);
      expect(answer.headers.vary).toContain("Accept-Encoding");
      expect(answer.body.length).toBeLessThan(page.length / 4);
      expect(decode(answer).toString()).toBe(page);
    }
  },
);

test.for([undefined, "", "deflate", "identity", "br;q=0", "*;q=0, identity"])(
  "Accept-Encoding: %s gets all as it is, and is told that others may not",
  async (accept) => {
    for (const path of ["/up/page", "/any", "/files/page.html", "/files/long.txt"]) {
      const answer = await ask(path, accept);
      expect(answer.headers["content-encoding"]).toBeUndefined();
      expect(answer.headers.vary).toContain("Accept-Encoding");
    }
    expect((await ask("/up/page", accept)).headers.etag).toBe('"a"');
  },
);

test("a strong tag is weakened, ranges are not offered", async () => {
  const { headers } = await ask("/up/page", "gzip");
  expect(headers.etag).toBe('W/"a"');
  expect(headers["accept-ranges"]).toBeUndefined();
  expect(headers["content-length"]).toBeUndefined();
  expect((await ask("/any", "gzip")).headers.vary).toBe("Cookie, Accept-Encoding");
});

test.for(["part", "coded", "kept", "image", "error"])(
  "the answer %s stays as it is",
  async (name) => {
    const answer = await ask(`/up/${name}`, "gzip, br");
    expect(answer.headers["content-encoding"]).toBe(name === "coded" ? "x" : undefined);
    expect(answer.headers.vary).toBeUndefined();
    expect(page.startsWith(answer.body.toString())).toBe(true);
  },
);

test("what is short stays as it is, but for who takes nothing else", async () => {
  const answer = await ask("/up/short", "gzip");
  expect(answer.headers["content-encoding"]).toBeUndefined();
  expect(answer.headers.vary).toBe("Accept-Encoding");
  expect(decode(await ask("/up/short", "gzip, identity;q=0")).toString()).toBe("ok");
  expect((await ask("/files/tiny.html", "gzip")).body.toString()).toBe("tiny");
});

test("a route may be left out", async () => {
  for (const path of ["/plain/page", "/asis/page.html"]) {
    const { headers } = await ask(path, "gzip");
    expect(headers["content-encoding"]).toBeUndefined();
    expect(headers.vary).toBeUndefined();
  }
});

test("a HEAD has the fields of its GET", async () => {
  for (const path of ["/up/page", "/any", "/files/page.html", "/files/long.txt"]) {
    const head = await ask(path, "br", {}, "HEAD");
    expect(head.headers["content-encoding"], path).toBe("br");
    expect(head.body.length).toBe(0);
    expect(head.headers.etag).toBe((await ask(path, "br")).headers.etag);
  }
});

test("a large answer and a large file are coded as they come, to a slow client as well", async () => {
  for (const path of ["/up/long", "/files/long.txt"]) {
    for (const encoding of ["gzip", "br", "zstd"]) {
      const answer = await ask(path, encoding);
      expect(decode(answer).equals(long)).toBe(true);
      expect(answer.headers["content-length"]).toBeUndefined();
    }
  }
  const slow = connect(edge.target);
  slow.pause();
  slow.write("GET /files/long.txt HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  expect((await ask("/files/page.html", "gzip")).status).toBe(200);
  const pieces: Buffer[] = [];
  for await (const piece of slow) pieces.push(piece as Buffer);
  const all = Buffer.concat(pieces);
  expect(zlib.gunzipSync(all.subarray(all.indexOf("\r\n\r\n") + 4)).equals(long)).toBe(true);
});

test("a file that is coded is coded once, and judged by its weak tag", async () => {
  const first = await ask("/files/page.html", "gzip");
  const again = await ask("/files/page.html", "gzip");
  expect(again.body.equals(first.body)).toBe(true);
  expect(first.headers.etag).toMatch(/^W\/"/);
  expect(Number(first.headers["content-length"])).toBe(first.body.length);
  const match = { "If-None-Match": first.headers.etag ?? "" };
  const notModified = await ask("/files/page.html", "gzip", match);
  expect(notModified.status).toBe(304);
  expect(notModified.headers.vary).toBe("Accept-Encoding");
});

test("a range is of the file as it is", async () => {
  const part = await ask("/files/page.html", "gzip", { Range: "bytes=3-7" });
  expect(part.status).toBe(206);
  expect(part.body.toString()).toBe("hello");
  const large = await ask("/files/long.txt", "gzip", { Range: "bytes=0-5" });
  expect(large.body.toString()).toBe("line 0");
  const weak = (await ask("/files/page.html", "gzip")).headers.etag ?? "";
  const whole = await ask("/files/page.html", "gzip", { Range: "bytes=3-7", "If-Range": weak });
  expect(whole.status).toBe(200);
});

test("a file that does not get shorter stays as it is", async () => {
  const answer = await ask("/files/noise.txt", "gzip");
  expect(answer.headers["content-encoding"]).toBeUndefined();
  expect(answer.headers.vary).toBe("Accept-Encoding");
  expect((await ask("/files/photo.png", "gzip")).headers.vary).toBeUndefined();
});

test.for(["gzip", "br", "zstd"])(
  "a piece of a streamed answer reaches the client at once in %s",
  async (encoding) => {
    const request = get({
      ...edge.target,
      path: "/up/streamed",
      agent: false,
      headers: { "Accept-Encoding": encoding },
    });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const decoder =
      encoding === "gzip"
        ? zlib.createGunzip()
        : encoding === "br"
          ? zlib.createBrotliDecompress()
          : zlib.createZstdDecompress();
    let text = "";
    response.pipe(decoder).on("data", (piece: Buffer) => {
      text += piece;
    });
    await eventually("the first piece", () => text === "first");
    const stream = streams.pop();
    stream?.write("6\r\nsecond\r\n");
    await eventually("the second piece", () => text === "firstsecond");
    stream?.write("0\r\n\r\n");
    await once(decoder, "end");
    expect(text).toBe("firstsecond");
  },
);

test("a long answer to a slow client is coded to its end, with a folder to spill to", async () => {
  const slow = connect(edge.target);
  slow.pause();
  slow.write("GET /up/noise HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  await eventually("the answer to wait", () => noise.unsent() > 0 && noise.isStill());
  const pieces: Buffer[] = [];
  for await (const piece of slow) pieces.push(piece as Buffer);
  const all = Buffer.concat(pieces);
  const body = zlib.gunzipSync(all.subarray(all.indexOf("\r\n\r\n") + 4));
  expect(body.equals(noise.bytes)).toBe(true);
});

test("events pass as they are", async () => {
  const socket = connect(edge.target);
  socket.write("GET /up/events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  let text = "";
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
  });
  await eventually("the event", () => text.includes("data: 1\n\n"));
  expect(text).not.toContain("Content-Encoding");
  socket.destroy();
});

test("an answer that breaks off is not passed on as complete", async () => {
  const answer = await exchangeRaw(edge.target, [
    "GET /up/cut HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
  ]);
  expect(answer).toContain("Content-Encoding: gzip");
  expect(answer.endsWith("0\r\n\r\n")).toBe(false);
});

test("clients that leave in the middle leave nothing at work", async () => {
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect(edge.target);
      socket.write("GET /files/long.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd\r\n\r\n");
      await once(socket, "data");
      socket.destroy();
    }),
  );
  await eventually("an encoder to be free", async () => {
    const answer = await ask("/files/long.txt", "zstd");
    return answer.headers["content-encoding"] === "zstd";
  });
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      expect(decode(await ask("/up/long", "zstd")).equals(long)).toBe(true);
    }),
  );
});

test("requests on one connection follow each other, coded and not", async () => {
  const line = (path: string, accept: string) =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: ${accept}\r\n`;
  const answer = await exchangeRaw(edge.target, [
    `${line("/up/page", "gzip")}\r\n${line("/any", "br")}\r\n${line("/files/long.txt", "gzip")}\r\n${line("/up/short", "br")}Connection: close\r\n\r\n`,
  ]);
  expect(answer.match(/HTTP\/1\.1 200 OK\r/g)).toHaveLength(4);
  expect(answer.match(/Content-Encoding/g)).toHaveLength(3);
  expect(answer.endsWith("\r\n\r\nok")).toBe(true);
});

test("over HTTP/2 answers and files are coded as well, side by side", async () => {
  await using secure = await startSecureEdge({ threads: 1, plan });
  const session = connectH2(`https://localhost:${secure.port}`, { rejectUnauthorized: false });
  const paths = ["/up/long", "/files/long.txt", "/files/page.html", "/up/page", "/up/long"];
  const answers = await Promise.all(
    paths.map(async (path) => {
      const stream = session.request({ ":path": path, "accept-encoding": "gzip" });
      const [headers] = await once(stream, "response");
      const pieces: Buffer[] = [];
      for await (const piece of stream) pieces.push(piece as Buffer);
      const body = Buffer.concat(pieces);
      return headers["content-encoding"] === "gzip" ? zlib.gunzipSync(body) : body;
    }),
  );
  const expected = [long, long, Buffer.from(page), Buffer.from(page), long];
  expect(answers.map((body, index) => body.equals(expected[index] ?? long))).toEqual(
    paths.map(() => true),
  );
  session.close();
});
