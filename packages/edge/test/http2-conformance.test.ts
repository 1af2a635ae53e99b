/**
 * RFC 9113 and RFC 7541 by frames, after the sections h2spec goes through: what ends a stream, what
 * the connection, and with which code. A connection may always be closed instead of a stream (§5.4.2).
 */
import { constants } from "node:http2";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, timeoutsMs } from "./edge-process.ts";
import { connectH2, encodeFields, flag, frameType, type RawH2 } from "./fixtures/raw-h2.ts";
import { type Backend, startBackend, startSecureEdge, tell } from "./fixtures/secure.ts";

let backend: Backend;
let edge: EdgeProcess;

beforeAll(async () => {
  backend = await startBackend((request, response) => {
    if (request.url !== "/never") tell(request, response);
  });
  edge = await startSecureEdge({
    plan: {
      timeoutsMs: { ...timeoutsMs, header: 5_000 },
      routes: [
        route("/*", { kind: "upstream", upstream: "told" }),
        route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
      ],
      upstreams: { told: { servers: [backend.address] } },
    },
  });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const {
  NGHTTP2_PROTOCOL_ERROR: protocol,
  NGHTTP2_STREAM_CLOSED: closed,
  NGHTTP2_FLOW_CONTROL_ERROR: flow,
  NGHTTP2_FRAME_SIZE_ERROR: size,
  NGHTTP2_COMPRESSION_ERROR: compression,
  NGHTTP2_REFUSED_STREAM: refused,
  NGHTTP2_INTERNAL_ERROR: internal,
} = constants;

type Fields = readonly (readonly [string, string])[];

const fixed: Fields = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "localhost"],
  [":path", "/fixed"],
];
const post: Fields = [[":method", "POST"], ...fixed.slice(1, 3), [":path", "/never"]];
const priority = 2;
const pushPromise = 5;

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(0, id), uint32(value)]);
}

/** Sends what is wrong; the codes with which it may end. */
type Case = readonly [what: string, codes: readonly number[], send: (client: RawH2) => void];

const cases: readonly Case[] = [
  [
    "§4.2 a frame beyond the announced size",
    [size],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.data, 0, 1, Buffer.alloc(16_385));
    },
  ],
  [
    "§4.3 a header block that cannot be decoded",
    [compression],
    (c) => c.send(frameType.headers, 5, 1, Buffer.from([0x80])),
  ],
  [
    "§4.3 frames between HEADERS and CONTINUATION",
    [protocol],
    (c) => {
      c.send(frameType.headers, flag.endStream, 1, encodeFields(fixed));
      c.send(priority, 0, 1, Buffer.alloc(5));
    },
  ],
  [
    "§5.1 DATA on an idle stream",
    [protocol],
    (c) => c.send(frameType.data, flag.endStream, 1, Buffer.from("x")),
  ],
  [
    "§5.1 RST_STREAM on an idle stream",
    [protocol],
    (c) => c.send(frameType.rstStream, 0, 1, uint32(8)),
  ],
  [
    "§5.1 WINDOW_UPDATE on an idle stream",
    [protocol],
    (c) => c.send(frameType.windowUpdate, 0, 1, uint32(1)),
  ],
  [
    "§5.1 CONTINUATION on an idle stream",
    [protocol],
    (c) => c.send(frameType.continuation, 4, 1, encodeFields(fixed)),
  ],
  [
    "§5.1 DATA on a half-closed stream",
    [closed],
    (c) => {
      c.request(1, post);
      c.send(frameType.data, flag.endStream, 1, Buffer.from("x"));
    },
  ],
  [
    "§5.1 HEADERS on a half-closed stream",
    [closed],
    (c) => {
      c.request(1, post);
      c.request(1, post);
    },
  ],
  [
    "§5.1 HEADERS on a stream that was reset",
    [closed],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.rstStream, 0, 1, uint32(8));
      c.request(1, post);
    },
  ],
  [
    "§5.1 DATA on a stream that was reset",
    [closed],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.rstStream, 0, 1, uint32(8));
      c.send(frameType.data, flag.endStream, 1, Buffer.from("x"));
    },
  ],
  [
    "RFC 7540 §5.3.1 a stream that depends on itself",
    [protocol],
    (c) => c.send(priority, 0, 3, Buffer.from([0, 0, 0, 3, 1])),
  ],
  [
    "RFC 7540 §5.3.1 a request that depends on itself",
    [protocol],
    (c) =>
      c.send(
        frameType.headers,
        0x25,
        1,
        Buffer.concat([Buffer.from([0, 0, 0, 1, 255]), encodeFields(fixed)]),
      ),
  ],
  [
    "§5.5 an unknown frame within a header block",
    [protocol],
    (c) => {
      c.send(frameType.headers, flag.endStream, 1, encodeFields(fixed));
      c.send(22, 0, 0, Buffer.alloc(8));
    },
  ],
  [
    "§4.3 HEADERS of another stream within a header block",
    [protocol],
    (c) => {
      c.send(frameType.headers, flag.endStream, 1, encodeFields(fixed));
      c.request(3, fixed);
    },
  ],
  [
    "§4.2 a header block beyond the announced size of a frame",
    [size],
    (c) => c.request(1, [...fixed, ["x", "a".repeat(16_400)]]),
  ],
  [
    "§6.10 CONTINUATION after the end of a header block",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.continuation, 4, 1, encodeFields([["x", "1"]]));
    },
  ],
  [
    "§6.10 CONTINUATION on stream 0",
    [protocol],
    (c) => {
      c.send(frameType.headers, flag.endStream, 1, encodeFields(fixed));
      c.send(frameType.continuation, 4, 0, encodeFields([["x", "1"]]));
    },
  ],
  [
    "§6.3 a PRIORITY of another length on an idle stream",
    [size],
    (c) => c.send(priority, 0, 1, Buffer.alloc(4)),
  ],
  [
    "RFC 7541 §4.2 a change of the table's size at the end",
    [compression],
    (c) => c.send(frameType.headers, 5, 1, Buffer.concat([encodeFields(fixed), Buffer.of(0x20)])),
  ],
  [
    "RFC 7541 §5.2 a Huffman code padded with more than 7 bits",
    [compression],
    (c) =>
      c.send(
        frameType.headers,
        5,
        1,
        Buffer.concat([encodeFields(fixed), Buffer.from([0, 1, 0x78, 0x82, 0x1f, 0xff])]),
      ),
  ],
  [
    "RFC 7541 §5.2 a Huffman code padded with zeros",
    [compression],
    (c) =>
      c.send(
        frameType.headers,
        5,
        1,
        Buffer.concat([encodeFields(fixed), Buffer.from([0, 1, 0x78, 0x81, 0x18])]),
      ),
  ],
  [
    "RFC 7541 §6.1 an index of 0",
    [compression],
    (c) => c.send(frameType.headers, 5, 1, Buffer.concat([encodeFields(fixed), Buffer.of(0x80)])),
  ],
  ["§5.1.1 an even stream", [protocol], (c) => c.request(2, fixed)],
  [
    "§5.1.1 a stream that is not the next",
    [protocol, closed],
    (c) => {
      c.request(5, post);
      c.request(3, post);
    },
  ],
  [
    "§5.1.2 more streams than announced",
    [refused, protocol],
    (c) => {
      for (let stream = 1; stream <= 203; stream += 2) c.request(stream, post);
    },
  ],
  ["§6.1 DATA on stream 0", [protocol], (c) => c.send(frameType.data, 0, 0, Buffer.from("x"))],
  [
    "§6.1 DATA with more padding than payload",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.data, 0x9, 1, Buffer.from([6, 1, 2]));
    },
  ],
  ["§6.2 HEADERS on stream 0", [protocol], (c) => c.request(0, fixed)],
  [
    "§6.2 HEADERS with more padding than payload",
    [protocol],
    (c) => c.send(frameType.headers, 0xd, 1, Buffer.concat([Buffer.of(250), encodeFields(fixed)])),
  ],
  ["§6.3 PRIORITY on stream 0", [protocol], (c) => c.send(priority, 0, 0, Buffer.alloc(5))],
  [
    "§6.3 PRIORITY of another length",
    [size],
    (c) => {
      c.request(1, post, false);
      c.send(priority, 0, 1, Buffer.alloc(4));
    },
  ],
  ["§6.4 RST_STREAM on stream 0", [protocol], (c) => c.send(frameType.rstStream, 0, 0, uint32(8))],
  [
    "§6.4 RST_STREAM of another length",
    [size],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.rstStream, 0, 1, Buffer.alloc(3));
    },
  ],
  [
    "§6.5 SETTINGS with ACK and a payload",
    [size],
    (c) => c.send(frameType.settings, flag.ack, 0, setting(3, 1)),
  ],
  ["§6.5 SETTINGS on a stream", [protocol], (c) => c.send(frameType.settings, 0, 1)],
  [
    "§6.5 SETTINGS of a broken length",
    [size],
    (c) => c.send(frameType.settings, 0, 0, Buffer.alloc(3)),
  ],
  ["§6.5.2 ENABLE_PUSH 2", [protocol], (c) => c.send(frameType.settings, 0, 0, setting(2, 2))],
  [
    "§6.5.2 INITIAL_WINDOW_SIZE beyond 2^31-1",
    [flow],
    (c) => c.send(frameType.settings, 0, 0, setting(4, 2 ** 31)),
  ],
  [
    "§6.5.2 MAX_FRAME_SIZE below its least",
    [protocol],
    (c) => c.send(frameType.settings, 0, 0, setting(5, 16_383)),
  ],
  [
    "§6.5.2 MAX_FRAME_SIZE beyond its most",
    [protocol],
    (c) => c.send(frameType.settings, 0, 0, setting(5, 2 ** 24)),
  ],
  [
    "§6.6 PUSH_PROMISE of a client",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.send(pushPromise, 4, 1, Buffer.concat([uint32(2), encodeFields(fixed)]));
    },
  ],
  ["§6.7 PING on a stream", [protocol], (c) => c.send(frameType.ping, 0, 1, Buffer.alloc(8))],
  ["§6.7 PING of another length", [size], (c) => c.send(frameType.ping, 0, 0, Buffer.alloc(6))],
  ["§6.8 GOAWAY on a stream", [protocol], (c) => c.send(frameType.goaway, 0, 1, uint32(0, 0))],
  [
    "§6.9 WINDOW_UPDATE by nothing",
    [protocol],
    (c) => c.send(frameType.windowUpdate, 0, 0, uint32(0)),
  ],
  [
    "§6.9 WINDOW_UPDATE of a stream by nothing",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.windowUpdate, 0, 1, uint32(0));
    },
  ],
  [
    "§6.9 WINDOW_UPDATE of another length",
    [size],
    (c) => c.send(frameType.windowUpdate, 0, 0, Buffer.alloc(3)),
  ],
  [
    "§6.9.1 a window beyond 2^31-1",
    [flow],
    (c) => {
      c.send(frameType.windowUpdate, 0, 0, uint32(2 ** 31 - 1));
      c.send(frameType.windowUpdate, 0, 0, uint32(2 ** 31 - 1));
    },
  ],
  [
    "§6.9.1 a stream's window beyond 2^31-1",
    [flow],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.windowUpdate, 0, 1, uint32(2 ** 31 - 1));
    },
  ],
  [
    "§6.10 CONTINUATION without HEADERS",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.send(frameType.continuation, 4, 1, encodeFields([["x", "1"]]));
    },
  ],
  [
    "§8.1 a second HEADERS that does not end the stream",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.request(1, [["x", "1"]], false);
    },
  ],
  [
    "§8.1 a pseudo-header in a trailer",
    [protocol],
    (c) => {
      c.request(1, post, false);
      c.request(1, [[":method", "GET"]]);
    },
  ],
  [
    "§8.1.1 less DATA than announced",
    [protocol],
    (c) => {
      c.request(1, [...post, ["content-length", "5"]], false);
      c.send(frameType.data, flag.endStream, 1, Buffer.from("four"));
    },
  ],
  [
    "§8.1.1 more DATA than announced, in several frames",
    [protocol, internal],
    (c) => {
      c.request(1, [...post, ["content-length", "5"]], false);
      c.send(frameType.data, 0, 1, Buffer.from("four"));
      c.send(frameType.data, flag.endStream, 1, Buffer.from("four"));
    },
  ],
  [
    "RFC 7541 §2.3.3 an index that is not there",
    [compression],
    (c) => c.send(frameType.headers, 5, 1, Buffer.from([0xff, 0x80, 0x01])),
  ],
  [
    "RFC 7541 §4.2 a table larger than allowed",
    [compression],
    (c) =>
      c.send(
        frameType.headers,
        5,
        1,
        Buffer.concat([Buffer.from([0x3f, 0xff, 0xff, 0x7f]), encodeFields(fixed)]),
      ),
  ],
  [
    "RFC 7541 §5.2 a Huffman code with EOS",
    [compression],
    (c) =>
      c.send(
        frameType.headers,
        5,
        1,
        Buffer.concat([
          encodeFields(fixed),
          Buffer.from([0, 1, 0x78, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ]),
      ),
  ],
];

test.for(cases)("%s", async ([, codes, send]) => {
  using client = await connectH2(edge.port);
  send(client);
  const frame = client.frame(
    ({ type }) => type === frameType.goaway || type === frameType.rstStream,
  );
  const code = await Promise.race([
    frame.then(({ type, payload }) => payload.readUInt32BE(type === frameType.goaway ? 4 : 0)),
    client.closed.then(() => codes[0]),
  ]);
  expect(codes).toContain(code);
});

async function isServed(client: RawH2, stream: number): Promise<boolean> {
  client.request(stream, fixed);
  const data = await client.frame((one) => one.type === frameType.data && one.stream === stream);
  return data.payload.toString() === "fixed\n";
}

test.for<[what: string, send: (client: RawH2) => void]>([
  ["§4.1 a frame of an unknown type", (c) => c.send(22, 0, 0, Buffer.alloc(8))],
  ["§4.1 unknown flags", (c) => c.send(frameType.ping, 0x16, 0, Buffer.alloc(8))],
  ["§6.5 an unknown setting", (c) => c.send(frameType.settings, 0, 0, setting(99, 1))],
  ["§5.1 PRIORITY on an idle stream", (c) => c.send(priority, 0, 9, Buffer.from([0, 0, 0, 1, 5]))],
  [
    "§5.1 WINDOW_UPDATE after the end",
    (c) => {
      c.request(1, fixed);
      c.send(frameType.windowUpdate, 0, 1, uint32(1));
    },
  ],
  ["§6.7 an answer to no PING", (c) => c.send(frameType.ping, flag.ack, 0, Buffer.alloc(8))],
  ["§6.9 WINDOW_UPDATE of the connection", (c) => c.send(frameType.windowUpdate, 0, 0, uint32(1))],
  [
    "§7 RST_STREAM of an unknown code",
    (c) => {
      c.request(1, post, false);
      c.send(frameType.rstStream, 0, 1, uint32(255));
    },
  ],
  [
    "§5.1 PRIORITY on a half-closed stream",
    (c) => {
      c.request(1, post);
      c.send(priority, 0, 1, Buffer.from([0, 0, 0, 0, 255]));
    },
  ],
  [
    "§5.1 RST_STREAM on a half-closed stream",
    (c) => {
      c.request(1, post);
      c.send(frameType.rstStream, 0, 1, uint32(8));
    },
  ],
  [
    "§4.2 a frame as large as it may be",
    (c) => {
      c.request(1, post, false);
      c.send(frameType.data, flag.endStream, 1, Buffer.alloc(16_384));
    },
  ],
  [
    "§6.2 HEADERS with padding and priority",
    (c) =>
      c.send(
        frameType.headers,
        0x2d,
        1,
        Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 9]), encodeFields(fixed), Buffer.alloc(3)]),
      ),
  ],
  [
    "§6.10 a header block in three frames",
    (c) => {
      const block = encodeFields(fixed);
      c.send(frameType.headers, flag.endStream, 1, block.subarray(0, 10));
      c.send(frameType.continuation, 0, 1, block.subarray(10, 11));
      c.send(frameType.continuation, flag.endHeaders, 1, block.subarray(11));
    },
  ],
  [
    "§6.5.3 the same setting twice",
    (c) => c.send(frameType.settings, 0, 0, Buffer.concat([setting(4, 1), setting(4, 65_535)])),
  ],
  [
    "RFC 7541 §6.3 a change of the table's size",
    (c) => c.send(frameType.headers, 5, 1, Buffer.concat([Buffer.of(0x20), encodeFields(fixed)])),
  ],
])("%s changes nothing", async ([, send]) => {
  using client = await connectH2(edge.port);
  send(client);
  expect(await isServed(client, 3)).toBe(true);
});

test.for([0, 255])("§6.8, §7 after GOAWAY of code %i the connection ends", async (code) => {
  using client = await connectH2(edge.port);
  client.send(frameType.goaway, 0, 0, uint32(0, code));
  await client.closed;
});

test("§6.5.3 SETTINGS are acknowledged", async () => {
  using client = await connectH2(edge.port);
  await client.frame(({ type, flags }) => type === frameType.settings && flags === flag.ack);
  expect(client.frames[0]).toMatchObject({ type: frameType.settings, flags: 0, stream: 0 });
});

test.for<[what: string, frames: (client: RawH2) => void]>([
  ["DATA", (c) => c.send(frameType.data, flag.endStream, 1, Buffer.from("x"))],
  ["HEADERS", (c) => c.request(1, fixed)],
  ["CONTINUATION", (c) => c.send(frameType.continuation, 4, 1, encodeFields(fixed))],
])("§5.1 %s after the answer ends the connection", async ([, send]) => {
  using client = await connectH2(edge.port);
  client.request(1, fixed);
  await client.frame(({ type, flags }) => type === frameType.data && flags === flag.endStream);
  send(client);
  const end = await client.frame(({ type }) => type === frameType.goaway);
  expect([closed, protocol]).toContain(end.payload.readUInt32BE(4));
  await client.closed;
});

/** A request with a body to a route that answers without it. */
async function postFixed(client: RawH2): Promise<void> {
  client.request(1, [[":method", "POST"], ...fixed.slice(1)], false);
  await client.frame(({ type, flags }) => type === frameType.data && flags === flag.endStream);
}

function end(client: RawH2): Promise<number> {
  return client
    .frame(({ type, stream }) => type === frameType.rstStream && stream === 1)
    .then(({ payload }) => payload.readUInt32BE(0));
}

test.for<[what: string, send: (client: RawH2) => void]>([
  [
    "§8.1 a trailer that does not end the stream",
    (c) => {
      c.send(frameType.data, 0, 1, Buffer.from("test"));
      c.request(1, [["x", "1"]], false);
    },
  ],
  ["§8.1 a pseudo-header in a trailer", (c) => c.request(1, [[":method", "GET"]])],
])("%s is an error after the answer too", async ([, send]) => {
  using client = await connectH2(edge.port);
  await postFixed(client);
  send(client);
  expect(await end(client)).toBe(protocol);
  expect(await isServed(client, 3)).toBe(true);
});

test("§8.1 a body that ends after its answer costs no RST_STREAM", async () => {
  using client = await connectH2(edge.port);
  await postFixed(client);
  client.send(frameType.data, 0, 1, Buffer.from("late"));
  client.send(frameType.data, flag.endStream, 1, Buffer.from("later"));
  expect(await isServed(client, 3)).toBe(true);
  expect(client.frames.map(({ type }) => type)).not.toContain(frameType.rstStream);
});

test("§8.1 a body that is not wanted is cut off without error after what was on its way", async () => {
  using client = await connectH2(edge.port);
  await postFixed(client);
  for (let sent = 0; sent < 9; sent += 1) {
    client.send(frameType.data, 0, 1, Buffer.alloc(16_000));
  }
  expect(await end(client)).toBe(constants.NGHTTP2_NO_ERROR);
  client.send(frameType.data, flag.endStream, 1, Buffer.from("on its way"));
  expect(await isServed(client, 3)).toBe(true);
});

test("§8.1 so is one that does not come", async () => {
  using client = await connectH2(edge.port);
  await postFixed(client);
  expect(await end(client)).toBe(constants.NGHTTP2_NO_ERROR);
  expect(await isServed(client, 3)).toBe(true);
});

test.for(["/never", "/fixed"])(
  "§6.9.1 a stream's window beyond its bound costs the stream alone (%s)",
  async (path) => {
    using client = await connectH2(edge.port);
    await client.frame(({ type, flags }) => type === frameType.settings && flags === flag.ack);
    client.request(1, [...post.slice(0, 3), [":path", path]], false);
    client.send(frameType.windowUpdate, 0, 1, uint32(2 ** 31 - 1));
    client.send(frameType.windowUpdate, 0, 1, uint32(2 ** 31 - 1));
    expect(await end(client)).toBe(flow);
    expect(await isServed(client, 3)).toBe(true);
  },
);

test("§6.7 a PING comes back with its bytes", async () => {
  using client = await connectH2(edge.port);
  client.send(frameType.ping, 0, 0, Buffer.from("abcdefgh"));
  const pong = await client.frame(
    ({ type, flags }) => type === frameType.ping && flags === flag.ack,
  );
  expect(pong.payload.toString()).toBe("abcdefgh");
});

test("§6.9 no more is sent than the window has room for", async () => {
  using client = await connectH2(edge.port);
  client.send(frameType.settings, 0, 0, setting(4, 1));
  client.request(1, fixed);
  const data = await client.frame(({ type }) => type === frameType.data);
  expect(data.payload).toHaveLength(1);
  client.send(frameType.settings, 0, 0, setting(4, 3));
  const more = await client.frame(
    ({ type, payload }) => type === frameType.data && payload[0] === 105,
  );
  expect(more.payload.toString()).toBe("ix");
  client.send(frameType.windowUpdate, 0, 1, uint32(100));
  await client.frame(({ type, flags }) => type === frameType.data && flags === flag.endStream);
});

test("§3.4 what does not begin with the preface is not spoken with", async () => {
  const socket = connect({
    ...edge.target,
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  socket.on("error", () => {}).resume();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
  });
});

test("none of it cost more than its connection", async () => {
  using client = await connectH2(edge.port);
  expect(await isServed(client, 1)).toBe(true);
  expect(edge.output()).not.toContain("ended");
});
