/** The client side of the engine over raw bytes, with a worker of the test's own behind it. */
import { connect } from "node:net";
import { eventually, exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge, timeoutsMs } from "./edge-process.ts";
import { type FakeWorker, startWorker, type WorkerRequest } from "./fake-worker.ts";

let edge: EdgeProcess;
let worker: FakeWorker;

const plan = {
  limits: { ...limits, headerBytes: 2048, headerCount: 20, bodyBytes: 64 * 1024 },
  timeoutsMs: { ...timeoutsMs, header: 2_000, body: 2_000, idle: 2_500 },
};

beforeAll(async () => {
  edge = await startEdge({ plan });
  worker = await startWorker(edge.folder, answer);
  await edge.arbiter("shop", [worker.record]);
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

/** What the app does, by path. */
async function answer(request: WorkerRequest): Promise<void> {
  switch (request.env.get("PATH_INFO")) {
    case "/echo":
      return await request.answer(await request.body);
    case "/chunks":
      request.head("200 OK\r\nContent-Type: text/plain\r\n");
      await request.write("first");
      await request.write("second");
      return request.end();
    case "/no-content":
      request.head("204 No Content\r\n");
      return request.end();
    case "/not-modified":
      request.head('304 Not Modified\r\nETag: "1"\r\nContent-Length: 5\r\n');
      return request.end();
    case "/hints":
      request.inform("103 Early Hints\r\nLink: </a.css>; rel=preload\r\n");
      return await request.answer("done");
    case "/short":
      request.head("200 OK\r\nContent-Length: 10\r\n");
      await request.write("four");
      return request.end();
    case "/long":
      return await request.answer("0123456789", "200 OK\r\nContent-Length: 4\r\n");
    case "/fail":
      return request.fail();
    case "/cut":
      request.head("200 OK\r\n");
      await request.write("a piece");
      return request.die();
    default:
      return await request.answer(
        `${request.env.get("REQUEST_METHOD")} ${request.env.get("PATH_INFO")}`,
      );
  }
}

function get(path: string, fields = "", method = "GET", version = "1.1"): string {
  return `${method} ${path} HTTP/${version}\r\nHost: a.test\r\n${fields}\r\n`;
}

const last = "Connection: close\r\n";

async function exchange(...pieces: (string | Buffer)[]): Promise<string> {
  return await exchangeRaw(edge.target, pieces);
}

/** Status, the lines asked for, and the body. */
function partsOf(received: string) {
  const end = received.indexOf("\r\n\r\n");
  const lines = received.slice(0, end).split("\r\n");
  return {
    status: Number(lines[0]?.split(" ")[1]),
    fields: lines.slice(1),
    body: received.slice(end + 4),
  };
}

test("requests on one connection are answered in order, also when all came at once", async () => {
  const received = await exchange(get("/1") + get("/2") + get("/fixed") + get("/3", last));
  const bodies = received
    .split(/HTTP\/1\.1 /)
    .map((text) => text.slice(text.indexOf("\r\n\r\n") + 4));
  expect(bodies.slice(1)).toEqual(["GET /1", "GET /2", "fixed\n", "GET /3"]);
});

test("a request that comes byte by byte is answered like any other", async () => {
  const text = get("/bytes", last);
  const received = await exchange(...text);
  expect(partsOf(received)).toMatchObject({ status: 200, body: "GET /bytes" });
});

/** Everything, then a FIN; what comes until the edge ends its side as well. */
function sendAndEnd(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect({ ...edge.target, allowHalfOpen: true });
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => {
      received += piece;
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
    socket.end(text, "latin1");
  });
}

test.each([1, 3])(
  "a client that sent its FIN after %i requests still gets the answers",
  async (count) => {
    const received = await sendAndEnd(get("/half-closed", "").repeat(count));
    expect(received.match(/HTTP\/1\.1 200 /g)).toHaveLength(count);
    expect(received.match(/^Connection: close\r$/gm)).toHaveLength(1);
    expect(received).toMatch(/GET \/half-closed$/);
  },
);

test("HTTP/1.0 is answered and closed, unless it asks for keep-alive", async () => {
  const once = await exchange(get("/old", "", "GET", "1.0"));
  expect(partsOf(once)).toMatchObject({ status: 200, body: "GET /old" });
  expect(partsOf(once).fields).toContain("Connection: close");

  const kept = await exchange(
    get("/one", "Connection: keep-alive\r\n", "GET", "1.0"),
    get("/two", "", "GET", "1.0"),
  );
  expect(kept).toContain("Connection: keep-alive\r\n");
  expect(kept).toContain("GET /one");
  expect(kept).toContain("GET /two");
});

test("an answer of unknown length is chunked, and ends with the connection for HTTP/1.0", async () => {
  const chunked = partsOf(await exchange(get("/chunks", last)));
  expect(chunked.fields).toContain("Transfer-Encoding: chunked");
  expect(chunked.body).toBe("5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");

  const old = partsOf(await exchange(get("/chunks", "", "GET", "1.0")));
  expect(old.fields.join()).not.toMatch(/Transfer-Encoding|Content-Length/);
  expect(old.body).toBe("firstsecond");
});

test("HEAD, 204 and 304 have no body, and say what they must about the one they stand for", async () => {
  const received = await exchange(
    get("/echo", "", "HEAD"),
    get("/chunks", "", "HEAD"),
    get("/no-content"),
    get("/not-modified"),
    get("/fixed", "", "HEAD"),
    get("/after", last),
  );
  const answers = received.split(/(?=HTTP\/1\.1 )/).map(partsOf);
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [200, ""],
    [200, ""],
    [204, ""],
    [304, ""],
    [200, ""],
    [200, "GET /after"],
  ]);
  expect(answers[0]?.fields).toContain("Content-Length: 0");
  expect(answers[1]?.fields.join()).not.toMatch(/Transfer-Encoding|Content-Length/);
  expect(answers[2]?.fields.join()).not.toMatch(/Transfer-Encoding|Content-Length/);
  expect(answers[3]?.fields).toContain("Content-Length: 5");
  expect(answers[4]?.fields).toContain("Content-Length: 6");
});

test("every answer has a Date", async () => {
  for (const path of ["/x", "/fixed", "/fail"]) {
    const { fields } = partsOf(await exchange(get(path, last)));
    expect(fields.filter((line) => line.startsWith("Date: "))).toHaveLength(1);
  }
});

test("bodies arrive whole, by length and chunked, however they are cut", async () => {
  const body = "0123456789".repeat(1000);
  const byLength = `${get("/echo", `Content-Length: ${body.length}\r\n${last}`, "POST")}`;
  expect(partsOf(await exchange(byLength + body)).body).toBe(body);
  expect(partsOf(await exchange(byLength, body.slice(0, 7), body.slice(7))).body).toBe(body);

  const chunks = `5\r\n01234\r\n${(9995).toString(16)}\r\n${body.slice(5)}\r\n0\r\nTrailer: dropped\r\n\r\n`;
  const head = get("/echo", `Transfer-Encoding: chunked\r\n${last}`, "POST");
  expect(partsOf(await exchange(head + chunks)).body).toBe(body);
  expect(partsOf(await exchange(head, ...(chunks.match(/[\s\S]{1,997}/g) ?? []))).body).toBe(body);
});

test("a body is followed by the next request", async () => {
  const received = await exchange(
    `${get("/echo", "Content-Length: 3\r\n", "POST")}abc${get("/echo", "Transfer-Encoding: chunked\r\n", "POST")}2\r\nde\r\n0\r\n\r\n${get("/next", last)}`,
  );
  const bodies = received.split(/(?=HTTP\/1\.1 )/).map((text) => partsOf(text).body);
  expect(bodies).toEqual(["abc", "de", "GET /next"]);
});

test("a client that expects 100 Continue gets it once, when the body is wanted, and then the answer", async () => {
  const head = get("/echo", `Content-Length: 3\r\nExpect: 100-continue\r\n${last}`, "POST");
  const received = await new Promise<string>((resolve, reject) => {
    let text = "";
    const socket = connect(edge.target);
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => {
      if (text === "") socket.write("abc");
      text += piece;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    socket.write(head);
  });
  expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  expect(received.match(/100 Continue/g)).toHaveLength(1);
});

test("a refused body is not asked for", async () => {
  const head = get("/echo", "Content-Length: 999999\r\nExpect: 100-continue\r\n", "POST");
  const { status, fields } = partsOf(await exchange(head));
  expect(status).toBe(413);
  expect(fields).toContain("Connection: close");
});

test("interim answers reach clients of HTTP/1.1 and no others", async () => {
  expect(await exchange(get("/hints", last))).toMatch(
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/,
  );
  expect(await exchange(get("/hints", "", "GET", "1.0"))).toMatch(/^HTTP\/1\.1 200 OK/);
});

test.for([
  ["not HTTP", "\x16\x03\x01\x02\x00 hello\r\n\r\n", 400],
  ["a line that ends in LF only", "GET / HTTP/1.1\nHost: a.test\n\n", 400],
  ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two framings", get("/", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "POST"), 400],
  ["a head too large", get("/", `X-Large: ${"x".repeat(3000)}\r\n`), 431],
  ["too many header lines", get("/", "X: y\r\n".repeat(30)), 431],
  ["a target too long", `GET /${"x".repeat(9000)}`, 414],
  ["a body too long by its length", get("/echo", "Content-Length: 100000\r\n", "POST"), 413],
  [
    "a body too long in chunks",
    `${get("/echo", "Transfer-Encoding: chunked\r\n", "POST")}11000\r\n${"x".repeat(0x11000)}\r\n`,
    413,
  ],
  ["a chunk that is none", `${get("/echo", "Transfer-Encoding: chunked\r\n", "POST")}xyz\r\n`, 400],
  ["a version unknown", "GET / HTTP/3.0\r\nHost: a.test\r\n\r\n", 505],
  ["a request line without a version, at once", "GET /x\r\n", 400],
  ["a version unknown, at once", "GET / HTTP/3.0\r\n", 505],
  ["a head that stops", "GET / HTTP/1.1\r\nHost:", 408],
  ["a body that stops", `${get("/echo", "Content-Length: 10\r\n", "POST")}abc`, 408],
] as const)("%s is answered and the connection closed", async ([, text, status]) => {
  const parts = partsOf(await exchange(text));
  expect(parts.status).toBe(status);
  expect(parts.fields).toContain("Connection: close");
});

test("a request that ends in the middle is refused, not left hanging", async () => {
  for (const text of ["GET / HT", `${get("/echo", "Content-Length: 10\r\n", "POST")}abc`]) {
    const received = await sendAndEnd(text);
    expect(partsOf(received).status).toBe(400);
  }
});

test("a client that is still sending a refused body sees the answer, not a reset", async () => {
  const head = get("/echo", "Content-Length: 9000000\r\n", "POST");
  const received = await exchange(head, Buffer.alloc(2_000_000, 0x61));
  expect(partsOf(received).status).toBe(413);
});

test("an idle connection is closed after its time, without a word", async () => {
  expect(await exchange("")).toBe("");
  const received = await exchange(get("/then-idle"));
  expect(partsOf(received)).toMatchObject({ status: 200, body: "GET /then-idle" });
});

test("an answer that is shorter than it said is cut off; one that is longer is cut to size", async () => {
  const short = await exchange(get("/short"));
  expect(partsOf(short).body).toBe("four"); // and the connection ended before all ten came
  const long = await exchange(get("/long") + get("/after", last));
  expect(long.split(/(?=HTTP\/1\.1 )/).map((text) => partsOf(text).body)).toEqual([
    "0123",
    "GET /after",
  ]);
});

test("an app that raised is a 500, and the worker serves on", async () => {
  const received = await exchange(get("/fail") + get("/after", last));
  const answers = received.split(/(?=HTTP\/1\.1 )/).map(partsOf);
  expect(answers.map(({ status }) => status)).toEqual([500, 200]);
});

test("an answer that was cut is never presented as complete", async () => {
  const chunked = await exchange(get("/cut"));
  expect(partsOf(chunked).body).toBe("7\r\na piece\r\n");

  const ended = await new Promise<string>((resolve) => {
    const socket = connect(edge.target);
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    socket.on("end", () => resolve("a clean end"));
    socket.resume();
    socket.write(get("/cut", "", "GET", "1.0"));
  });
  expect(ended).toBe("ECONNRESET");
});

test("no route is a 404, and the connection goes on", async () => {
  await edge.configure({
    ...plan,
    routes: [
      route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
    ],
  });
  const received = await exchange(get("/nothing") + get("/fixed", last));
  expect(received.split(/(?=HTTP\/1\.1 )/).map((text) => partsOf(text).status)).toEqual([404, 200]);
  await edge.configure(plan);
});

test("connections that end are forgotten", async () => {
  await eventually(
    "all connections to be counted as closed",
    () => edge.metrics()?.connections === 0,
  );
});
