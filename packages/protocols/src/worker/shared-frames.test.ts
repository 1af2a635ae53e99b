/** The edge's reader of a connection that many exchanges share: whose each frame is, and what is passed over. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut } from "../../test/support/message-reader.ts";
import {
  bodyFrameStart,
  encodeAbort,
  encodeHead,
  encodeInform,
  encodeRequest,
  encodeStream,
  encodeWindow,
  endFrame,
  failFrame,
  frameStart,
  goawayFrame,
  readyFrame,
} from "./encode-frames.ts";
import { frame, maxBodyPayload, workerProtocolVersion } from "./frames.ts";
import {
  type AnswerState,
  createSharedFrameReader,
  createWorkerFrameReader,
} from "./read-frames.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const ok = "200 OK\r\n";
const readyEvent = `ready ${workerProtocolVersion}`;

/** What was heard, in the order it came; each frame of an answer with the stream it came on. */
function sharedReader(ids: readonly number[]) {
  const events: string[] = [];
  const streams = new Map<number, AnswerState>(ids.map((id) => [id, { phase: "ready" }]));
  let current = 0;
  const say = (event: string): void => void events.push(`${current} ${event}`);
  const reader = createSharedFrameReader({
    onStream(id) {
      current = id;
      return streams.get(id);
    },
    onAbort: (id) => void events.push(`${id} abort`),
    onReady: (version) => void events.push(`ready ${version}`),
    onInform: (text) => say(`inform ${text}`),
    onHead: (text) => say(`head ${text}`),
    onBody(buffer, start, end) {
      const text = buffer.toString("latin1", start, end);
      const last = events.length - 1;
      // Pieces of one frame are one event, however they were cut.
      if (events[last]?.startsWith(`${current} body `)) events[last] += text;
      else say(`body ${text}`);
    },
    onEnd: () => say("end"),
    onFail: () => say("fail"),
    onWindow: (size) => say(`window ${size}`),
    onGoaway: () => void events.push("goaway"),
  });
  return { events, streams, reader };
}

function push(
  reader: ReturnType<typeof sharedReader>["reader"],
  pieces: readonly Buffer[],
): string {
  const shared = Buffer.alloc(Math.max(1, ...pieces.map((piece) => piece.length)));
  for (const piece of pieces) {
    piece.copy(shared);
    const problem = reader.push(shared, 0, piece.length);
    if (problem !== "") return problem;
    shared.fill(0xee);
  }
  return "";
}

interface Step {
  readonly frames: string;
  readonly event: string;
}

const latin1 = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((array) => {
  return Buffer.from(array).toString("latin1");
});
const offsets = fc.array(fc.nat({ max: 4000 }), { maxLength: 24 });
const body = latin1.map((text) => ({
  frames: bodyFrameStart(text.length) + text,
  event: `body ${text}`,
}));
const head = latin1.map((text) => ({ frames: encodeHead(text), event: `head ${text}` }));
const inform = latin1.map((text) => ({ frames: encodeInform(text), event: `inform ${text}` }));
const end: Step = { frames: endFrame, event: "end" };
const fail: Step = { frames: failFrame, event: "fail" };
/** The frames of one exchange, in an order the protocol allows. */
const exchange: fc.Arbitrary<readonly Step[]> = fc.oneof(
  fc
    .tuple(fc.array(inform, { maxLength: 2 }), head, fc.array(body, { maxLength: 4 }))
    .map(([informs, first, bodies]) => [...informs, first, ...bodies, end]),
  fc.array(inform, { maxLength: 1 }).map((informs) => [...informs, fail]),
);

test("frames of streams that mingle are each its stream's, at any split", () => {
  const turns = fc.array(fc.nat({ max: 3 }), { maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(exchange, { minLength: 1, maxLength: 4 }),
      turns,
      offsets,
      (all, at, splits) => {
        const ids = all.map((_, index) => 2 ** (8 * index) + index);
        const { events, reader } = sharedReader(ids);
        const queues = all.map((steps) => [...steps]);
        let input = readyFrame;
        const expected = [readyEvent];
        let named = -1;
        const take = (stream: number): void => {
          const step = queues[stream]?.shift();
          if (step === undefined) return;
          if (named !== stream) input += encodeStream(ids[stream] ?? 0);
          named = stream;
          input += step.frames;
          const last = expected.length - 1;
          const event = `${ids[stream]} ${step.event}`;
          const isMore = step.event.startsWith("body ");
          if (isMore && expected[last]?.startsWith(`${ids[stream]} body `)) {
            expected[last] += step.event.slice("body ".length);
          } else {
            expected.push(event);
          }
        };
        for (const turn of at) take(turn % all.length);
        for (const [stream, queue] of queues.entries()) while (queue.length > 0) take(stream);

        expect(push(reader, cut(bytes(input), splits))).toBe("");
        expect(events).toEqual(expected);
        expect(reader.isMidFrame()).toBe(false);
      },
    ),
  );
});

test("frames of a stream nobody listens to are passed over, whatever they are, at any split", () => {
  const kinds = fc.constantFrom(
    encodeHead(ok),
    encodeInform("103 Early Hints\r\n"),
    `${bodyFrameStart(3)}abc`,
    endFrame,
    failFrame,
    encodeWindow(7),
    frameStart(frame.window, 0),
    `${frameStart(frame.end, 2)}ab`,
    encodeAbort(9),
  );
  const strangers = fc.array(fc.tuple(fc.constantFrom(7, 8), kinds), { maxLength: 20 });
  fc.assert(
    fc.property(strangers, offsets, (stray, splits) => {
      const { events, streams, reader } = sharedReader([1, 8]);
      streams.set(8, { phase: "over" });
      const noise = stray.map(([id, frames]) => encodeStream(id) + frames).join("");
      const input = [
        readyFrame,
        noise,
        encodeStream(1) + encodeHead(ok),
        noise,
        `${encodeStream(1)}${bodyFrameStart(2)}hi`,
        noise,
        encodeStream(1) + endFrame,
        noise,
      ].join("");
      expect(push(reader, cut(bytes(input), splits))).toBe("");
      expect(events.filter((event) => event !== "9 abort")).toEqual([
        readyEvent,
        `1 head ${ok}`,
        "1 body hi",
        "1 end",
      ]);
    }),
  );
});

test("an answer that is over in the midst of a frame is passed over from there", () => {
  const { events, streams, reader } = sharedReader([1, 2]);
  const first = streams.get(1) as AnswerState;
  const input = bytes(
    `${readyFrame}${encodeStream(1)}${encodeHead(ok)}${bodyFrameStart(6)}abcdef${endFrame}${encodeStream(2)}${failFrame}`,
  );
  const middle = input.indexOf("def");
  expect(push(reader, [input.subarray(0, middle)])).toBe("");
  first.phase = "over";
  expect(push(reader, [input.subarray(middle)])).toBe("");
  expect(events).toEqual([readyEvent, `1 head ${ok}`, "1 body abc", "2 fail"]);
});

test("ABORT and GOAWAY come between the frames of a stream and change nothing about whose they are", () => {
  const { events, reader } = sharedReader([1]);
  const input = [
    readyFrame,
    encodeStream(1) + encodeHead(ok),
    encodeAbort(0xffff_fffe),
    goawayFrame,
    endFrame,
  ].join("");
  expect(push(reader, cut(bytes(input), [7, 19, 33]))).toBe("");
  expect(events).toEqual([readyEvent, `1 head ${ok}`, "4294967294 abort", "goaway", "1 end"]);
});

describe("an edge closes a shared connection of a worker that sends", () => {
  const begun = readyFrame + encodeStream(1);
  test.each([
    ["READY twice", readyFrame + readyFrame],
    ["READY after a stream", begun + readyFrame],
    ["READY after an answer", begun + encodeHead(ok) + endFrame + readyFrame],
    ["READY on a stream nobody knows", readyFrame + encodeStream(9) + readyFrame],
    ["an answer before any stream", readyFrame + encodeHead(ok)],
    ["FAIL before any stream", readyFrame + failFrame],
    ["WINDOW before any stream", readyFrame + encodeWindow(1)],
    ["a head twice on one stream", begun + encodeHead(ok) + encodeHead(ok)],
    [
      "a head twice, another stream between",
      `${begun}${encodeHead(ok)}${encodeStream(2)}${encodeHead(ok)}${encodeStream(1)}${encodeHead(ok)}`,
    ],
    ["a second answer on a stream", begun + encodeHead(ok) + endFrame + encodeHead(ok)],
    ["FAIL after its head", begun + encodeHead(ok) + failFrame],
    ["INFORM after its head", begun + encodeHead(ok) + encodeInform("103 X\r\n")],
    ["a body without a head", `${begun}${bodyFrameStart(1)}a`],
    ["END without a head", begun + endFrame],
    ["STREAM with three bytes", `${readyFrame}${frameStart(frame.stream, 3)}abc`],
    ["STREAM with nothing", readyFrame + frameStart(frame.stream, 0)],
    ["ABORT with five bytes", `${readyFrame}${frameStart(frame.abort, 5)}abcde`],
    ["WINDOW without a number", `${begun}${frameStart(frame.window, 2)}ab`],
    ["GOAWAY twice", begun + goawayFrame + goawayFrame],
    ["an empty BODY", begun + encodeHead(ok) + frameStart(frame.body, 0)],
    ["a BODY beyond its bound", begun + encodeHead(ok) + bodyFrameStart(maxBodyPayload + 1)],
    ["what only an edge may say", begun + encodeRequest("A\0B", false)],
  ])("%s", (_what, input) => {
    const { events, reader } = sharedReader([1, 2]);
    expect(push(reader, cut(bytes(input), [3, 9, 20]))).not.toBe("");
    const heard = events.length;
    expect(reader.push(bytes(encodeStream(2) + failFrame), 0, 12)).toBe("");
    expect(events).toHaveLength(heard);
  });
});

test.each([
  ["STREAM", encodeStream(1)],
  ["ABORT", encodeAbort(1)],
])("%s on a connection that is not shared is a problem", (_what, input) => {
  const nothing = (): void => {};
  const reader = createWorkerFrameReader({
    onReady: nothing,
    onInform: nothing,
    onHead: nothing,
    onBody: nothing,
    onEnd: nothing,
    onFail: nothing,
    onWindow: nothing,
    onGoaway: nothing,
  });
  const all = bytes(readyFrame + input);
  expect(reader.push(all, 0, all.length)).not.toBe("");
});
