import {
  bodyFrameStart,
  encodeHead,
  encodeWindow,
  endFrame,
  failFrame,
  frame,
  frameStart,
  goawayFrame,
  readyFrame,
} from "@stack/protocols";
import { expect, test } from "vitest";
import { createProbeExchange } from "./probe-exchange.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

test("it asks when the worker greets, grants what comes and ends with the status", () => {
  const exchange = createProbeExchange("/ping?deep=1");

  const { send } = exchange(bytes(readyFrame));
  expect(send.charCodeAt(3)).toBe(frame.request);
  const block = send.slice(4).split("\0");
  expect(block[block.indexOf("HTTP_HOST") + 1]).toBe("localhost");
  expect(block[block.indexOf("PATH_INFO") + 1]).toBe("/ping");
  expect(block[block.indexOf("QUERY_STRING") + 1]).toBe("deep=1");

  const body = `${bodyFrameStart(2)}ok`;
  expect(exchange(bytes(encodeHead("204 No Content\r\n") + body)).send).toBe(encodeWindow(2));
  expect(exchange(bytes(endFrame)).answer).toEqual({ kind: "status", status: 204 });
});

test.for([
  ["FAIL is a 500", readyFrame + failFrame, { kind: "status", status: 500 }],
  ["a worker that leaves is broken", goawayFrame, { kind: "broken", reason: "it is draining" }],
  [
    "another version is broken",
    `${frameStart(frame.ready, 1)}\u0009`,
    { kind: "broken", reason: "it speaks version 9" },
  ],
] as const)("%s", ([, said, answer]) => {
  expect(createProbeExchange("/")(bytes(said)).answer).toEqual(answer);
});
