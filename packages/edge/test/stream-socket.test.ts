/** What an HTTP/2 stream is given of an answer at once, over a real connection of two ends. */
import { once } from "node:events";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { expect, test } from "vitest";
import { createStreamSocket } from "../src/io/h2/stream-socket.ts";

const share = 16 * 1024;
const body = Buffer.alloc(1024 * 1024, "stack of bytes ");

/** Serves one stream as `answer` says, and gives what its client got. */
async function serve(
  answer: (socket: Socket, stream: ServerHttp2Stream) => void,
  onDrain = (): void => {},
): Promise<{ bytes: Buffer; code: number }> {
  const server = createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    answer(
      createStreamSocket(stream, () => share, onDrain),
      stream,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    settings: { initialWindowSize: 16 * 1024 * 1024 },
  });
  const stream = session.request({ ":path": "/" });
  const pieces: Buffer[] = [];
  stream.on("error", () => {}).on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "close").catch(() => {}); // of a stream that was reset it says why
  session.close();
  server.close();
  return { bytes: Buffer.concat(pieces), code: stream.rstCode ?? 0 };
}

test("a large answer is handed on by shares, whole, and says drain once at its end", async () => {
  let drains = 0;
  let most = 0;
  const got = await serve(
    (socket, stream) => {
      const { write } = stream;
      stream.write = ((...args: Parameters<typeof write>) => {
        most = Math.max(most, stream.writableLength + (args[0] as Buffer).length);
        return write.apply(stream, args);
      }) as typeof write;
      expect(socket.write(body)).toBe(false);
      expect(socket.writableLength).toBe(body.length);
      socket.end();
      expect(socket.write("after the end")).toBe(true);
    },
    () => {
      drains += 1;
    },
  );
  expect(got.bytes.equals(body)).toBe(true);
  expect([most, drains]).toEqual([share, 1]);
});

test("texts and bytes that are corked come in their order", async () => {
  const got = await serve((socket) => {
    socket.write("one ");
    socket.cork();
    socket.write("twö ", "latin1");
    socket.write(Buffer.from("three "));
    socket.uncork();
    socket.write("four");
    socket.end();
  });
  expect(got.bytes.toString("latin1")).toBe("one twö three four");
});

test("what is cut off before its end is no clean end", async () => {
  const got = await serve((socket) => {
    socket.write(body);
    socket.destroy();
  });
  expect(got.code).toBe(2);
  expect(got.bytes.length).toBeLessThan(body.length);
});
