import fc from "fast-check";
import { expect, test } from "vitest";
import { createFrameReader } from "./frame-reader.ts";
import { clientPreface, frameHead, frameType, settingsFrame } from "./frames.ts";

const greeting = clientPreface + settingsFrame([]);

function readAll(text: string, steps: readonly number[]): { frames: string[]; code: number } {
  const frames: string[] = [];
  const read = createFrameReader(({ type, flags, stream, bytes, start, end }) => {
    frames.push(`${type} ${flags} ${stream} ${bytes.toString("latin1", start, end)}`);
    return 0;
  });
  const bytes = Buffer.from(text, "latin1");
  // As a thread's buffer, which others use again.
  const buffer = Buffer.alloc(64 * 1024);
  let code = 0;
  for (let at = 0, turn = 0; at < bytes.length && code === 0; turn += 1) {
    const length = Math.min(bytes.length - at, steps[turn % steps.length] ?? buffer.length);
    bytes.copy(buffer, 0, at, at + length);
    code = read(buffer, length);
    buffer.fill(0xee);
    at += length;
  }
  return { frames, code };
}

test("frames come out as they went in, whatever the pieces they come in", () => {
  const frame = fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    flags: fc.integer({ min: 0, max: 255 }),
    stream: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    payload: fc.oneof(
      fc.constant(""),
      fc.string({ maxLength: 30 }),
      fc.constant("x".repeat(16_384)),
    ),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 }),
      (sent, steps) => {
        const latin = sent.map((one) => ({
          ...one,
          payload: Buffer.from(one.payload).toString("latin1"),
        }));
        const text = latin.map(
          ({ type, flags, stream, payload }) =>
            frameHead(payload.length, type, flags, stream) + payload,
        );
        const expected = latin.map(
          ({ type, flags, stream, payload }) => `${type} ${flags} ${stream} ${payload}`,
        );
        const got = readAll(greeting + text.join(""), steps);
        expect(got).toEqual({ frames: ["4 0 0 ", ...expected], code: 0 });
      },
    ),
    { numRuns: 200 },
  );
});

test.for<[what: string, text: string, code: number]>([
  ["something else than the preface", "GET / HTTP/1.1\r\n", 1],
  ["a preface that ends otherwise", `${clientPreface.slice(0, -1)}x`, 1],
  ["another frame first", clientPreface + frameHead(8, frameType.ping, 0, 0), 0],
  [
    "another frame first, whole",
    `${clientPreface}${frameHead(8, frameType.ping, 0, 0)}12345678`,
    1,
  ],
  ["a payload beyond 16,384 bytes", greeting + frameHead(16_385, frameType.data, 0, 1), 6],
  ["the reserved bit of a stream's number", `${greeting}${frameHead(0, 99, 0, -(2 ** 31) + 5)}`, 0],
])("%s ends with code %s, at once and byte by byte", ([, text, code]) => {
  for (const steps of [[text.length], [1]]) expect(readAll(text, steps).code).toBe(code);
});

test("nothing is read after a frame that ends the connection", () => {
  let taken = 0;
  const read = createFrameReader(() => (++taken === 2 ? 9 : 0));
  const bytes = Buffer.from(greeting + settingsFrame([]).repeat(3), "latin1");
  expect([read(bytes, bytes.length), taken]).toEqual([9, 2]);
});
