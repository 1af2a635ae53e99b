/** Against nghttp2, as Node has it: what its client writes we read, what we write its client reads. */
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createHpackDecoder, type FieldBlock } from "./decoder.ts";
import { createHpackEncoder } from "./encoder.ts";

const frame = { headers: 1, settings: 4, continuation: 9 };
const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 };
const headerTableSize = 1;
const prefaceBytes = 24;
const frameHeaderBytes = 9;
const maxFrameBytes = 16_384;

interface Answer {
  readonly fields: readonly string[];
}

interface PeerOptions {
  /** What we announce as SETTINGS_HEADER_TABLE_SIZE. */
  readonly tableBytes: number;
  /** The answer to the next request. */
  readonly nextAnswer: () => Answer;
  readonly onBlock: (block: FieldBlock | undefined) => void;
}

/** A server of nothing but header blocks: it answers every request with one. */
async function startPeer(options: PeerOptions) {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const decoder = createHpackDecoder({
      tableBytes: options.tableBytes,
      listBytes: 1_000_000,
    });
    const encoder = createHpackEncoder();
    let unread = Buffer.alloc(0);
    let toSkip = prefaceBytes;
    let block = Buffer.alloc(0);
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(headerTableSize, 0);
    settings.writeUInt32BE(options.tableBytes, 2);
    socket.write(formatFrame(frame.settings, 0, 0, settings));
    socket.on("error", () => socket.destroy());
    socket.on("data", (data: Buffer) => {
      unread = Buffer.concat([unread, data]);
      if (unread.length < toSkip) return;
      unread = unread.subarray(toSkip);
      toSkip = 0;
      while (unread.length >= frameHeaderBytes) {
        const end = frameHeaderBytes + unread.readUIntBE(0, 3);
        if (unread.length < end) return;
        const [type = 0, flags = 0] = unread.subarray(3, 5);
        const stream = unread.readUInt32BE(5);
        onFrame(type, flags, stream, unread.subarray(frameHeaderBytes, end));
        unread = unread.subarray(end);
      }
    });

    function onFrame(type: number, flags: number, stream: number, payload: Buffer): void {
      if (type === frame.settings && (flags & flag.ack) === 0) {
        for (let at = 0; at < payload.length; at += 6) {
          if (payload.readUInt16BE(at) === headerTableSize) {
            encoder.limitTable(payload.readUInt32BE(at + 2));
          }
        }
        socket.write(formatFrame(frame.settings, flag.ack, 0, Buffer.alloc(0)));
      }
      if (type !== frame.headers && type !== frame.continuation) return;
      const fragment = type === frame.headers ? fragmentOf(payload, flags) : payload;
      block = Buffer.concat([block, fragment]);
      if ((flags & flag.endHeaders) === 0) return;
      options.onBlock(decoder.decode(block, 0, block.length));
      block = Buffer.alloc(0);
      const answer = Buffer.from(encoder.encode(options.nextAnswer().fields), "latin1");
      socket.write(formatHeaders(stream, answer));
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The block's part in a HEADERS frame (RFC 9113 §6.2). */
function fragmentOf(payload: Buffer, flags: number): Buffer {
  const isPadded = (flags & flag.padded) !== 0;
  const start = (isPadded ? 1 : 0) + ((flags & flag.priority) === 0 ? 0 : 5);
  return payload.subarray(start, payload.length - (isPadded ? (payload[0] ?? 0) : 0));
}

function formatFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

function formatHeaders(stream: number, block: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += maxFrameBytes) {
    const flags =
      (at === 0 ? flag.endStream : 0) | (at + maxFrameBytes >= block.length ? flag.endHeaders : 0);
    const type = at === 0 ? frame.headers : frame.continuation;
    frames.push(formatFrame(type, flags, stream, block.subarray(at, at + maxFrameBytes)));
  }
  return Buffer.concat(frames);
}

async function connect(port: number, headerTableBytes: number) {
  const client = http2.connect(`http://127.0.0.1:${port}`, {
    settings: { headerTableSize: headerTableBytes },
  });
  await once(client, "remoteSettings");
  return {
    /** @returns the answer's fields: name, value, name, value … */
    request: async (fields: readonly string[]): Promise<readonly string[]> => {
      const stream = client.request(fields, { endStream: true });
      const [, , raw] = (await once(stream, "response")) as [object, number, string[]];
      stream.resume();
      await once(stream, "close");
      return raw;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(client, "close");
      client.destroy();
      await closed;
    },
  };
}

const printable = (maxLength: number) =>
  fc
    .array(fc.integer({ min: 33, max: 126 }), { minLength: 1, maxLength })
    .map((codes) => String.fromCharCode(...codes));
const values = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("", "1", "gzip, deflate", "text/html; charset=utf-8") },
  { weight: 3, arbitrary: printable(60) },
  { weight: 1, arbitrary: fc.tuple(printable(5), printable(5)).map((words) => words.join(" ")) },
  { weight: 1, arbitrary: fc.nat({ max: 18_000 }).map((length) => "long".repeat(length / 4)) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.integer({ min: 0xa0, max: 0xff }), { maxLength: 40 })
      .map((codes) => String.fromCharCode(...codes)),
  },
);
const commonNames = ["x-a", "x-b", "accept", "cookie", "x-request-id", "x-a-name-of-some-length"];
const extraFields = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...commonNames) },
        { weight: 1, arbitrary: fc.stringMatching(/^x-[a-z0-9!#$%&'*+.^_`|~-]{1,40}$/) },
      ),
      values,
    ),
    { maxLength: 12 },
  )
  .map((pairs) => pairs.flat());
const requests = fc
  .tuple(
    fc.constantFrom("GET", "POST", "OPTIONS"),
    fc.stringMatching(/^\/[a-z0-9/?=&%.-]{0,80}$/),
    fc.constantFrom("example.com", "www.example.com:8443"),
    extraFields,
  )
  .map(([method, path, authority, extra]) => [
    ...[":method", method, ":scheme", "http", ":authority", authority, ":path", path],
    ...extra,
  ]);
const answers = fc
  .tuple(
    fc.constantFrom("200", "204", "304", "404", "418", "503"),
    fc.array(
      fc.tuple(
        fc.constantFrom(...["server", "date", "vary", "set-cookie", "last-modified", "x-a", "x-b"]),
        values,
      ),
      { maxLength: 12 },
    ),
  )
  .map(([status, pairs]) => [":status", status, ...pairs.flat()]);
const exchanges = fc.array(fc.tuple(requests, answers), { minLength: 1, maxLength: 12 });

test.each([
  { ours: 4096, theirs: 4096 },
  { ours: 0, theirs: 0 },
  { ours: 300, theirs: 200 },
  { ours: 65_536, theirs: 65_536 },
])(
  "requests and answers are the same at both ends with tables of $ours and $theirs bytes",
  async ({ ours, theirs }) => {
    await fc.assert(
      fc.asyncProperty(exchanges, async (list) => {
        const read: (readonly string[] | undefined)[] = [];
        let answered = 0;
        await using peer = await startPeer({
          tableBytes: ours,
          nextAnswer: () => ({ fields: list[answered++]?.[1] ?? [] }),
          onBlock: (block) => read.push(block?.fields),
        });
        await using client = await connect(peer.port, theirs);
        const received: (readonly string[])[] = [];
        for (const [request] of list) received.push(await client.request(request));
        expect(read).toEqual(list.map(([request]) => request));
        expect(received).toEqual(list.map(([, answer]) => answer));
      }),
      { numRuns: 25 },
    );
  },
);
