/**
 * Every answer of `fixtures/messages/responses.ts`, said by a server to a real edge, over raw bytes on
 * both sides; the server then closes, or keeps the connection for the next. What is bad is a 502, what
 * breaks off never looks complete, and nothing of one answer reaches the next request.
 */
import { exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge } from "./edge-process.ts";
import { type Recorder, startRecorder } from "./fixtures/messages/recorder.ts";
import { responseCases } from "./fixtures/messages/responses.ts";
import { readMessages, valuesOf } from "./fixtures/messages/wire.ts";

let recorder: Recorder;
let edge: EdgeProcess;

beforeAll(async () => {
  // Each connection is given one request and more: the answer is to the last.
  recorder = await startRecorder((received, socket) => {
    if (!received.endsWith("\r\n\r\n")) return;
    const [, how, index] = /.*\/(kept|closed|after)\/(\d+) HTTP/s.exec(received) ?? [];
    if (how === "after") socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter");
    else {
      socket.write(responseCases[Number(index)]?.raw ?? "", "latin1");
      if (how === "closed") socket.end();
    }
  });
  edge = await startEdge({
    threads: 1,
    plan: {
      routes: [route("/*", { kind: "upstream", upstream: "recorder" })],
      upstreams: { recorder: { servers: [recorder.address] } },
    },
  });
}, 60_000);

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await recorder[Symbol.asyncDispose]();
}, 60_000);

/** What a server that keeps the connection leaves us waiting for. */
function neverEnds({ raw, verdict, method, what }: (typeof responseCases)[number]): boolean {
  const isUntilClose = method === "GET" && !/^(?:content-length|transfer-encoding):/im.test(raw);
  const isBroken = typeof verdict === "string" && /^cut/.test(verdict);
  return raw === "" || isUntilClose || isBroken || /half a head|no end|100 alone/.test(what);
}

describe.for(["closed", "kept"])("from a server whose connection is %s", (how) => {
  const cases = responseCases
    .map((one, index) => ({ ...one, index }))
    .filter((one) => how === "closed" || !neverEnds(one));

  test.for(cases)("$what", async ({ index, method, verdict, fields }) => {
    const stream = await exchangeRaw(
      edge.target,
      [
        `${method} /${how}/${index} HTTP/1.1\r\nHost: a.test\r\n\r\n`,
        `GET /after/${index} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`,
      ],
      undefined,
      20_000,
    );
    const answers = readMessages(stream, "response", (at) => (at === 0 ? method : "GET"));
    const interim = answers.filter(({ line }) => /^HTTP\/1\.1 1/.test(line));
    const [answer, after] = answers.filter((one) => !interim.includes(one));
    if (answer === undefined) throw new Error(`no answer: ${JSON.stringify(stream)}`);
    const status = [...interim, answer].map(({ line }) => line.slice(9, 12)).join();
    expect(stream).not.toContain("evil");
    if (verdict === 502) {
      expect(status).toBe("502");
    } else {
      const [expected = "", body] = verdict.split("|");
      if (expected === "cut") {
        expect(answer.isComplete).toBe(false);
        expect(answer.body).toBe(body);
        expect(after).toBeUndefined();
        return;
      }
      expect(status).toBe(expected);
      if (!expected.endsWith("502")) expect(answer.body).toBe(body);
    }
    expect(answer.isComplete).toBe(true);
    expect(valuesOf(answer, "date")).toHaveLength(1);
    for (const field of fields) {
      const [, name = "", value] = /^-?([^:]+)(?:: (.*))?$/s.exec(field) ?? [];
      if (value === undefined) expect(valuesOf(answer, name), name).toEqual([]);
      else expect(valuesOf(answer, name), name).toContain(value);
    }
    expect(after?.body).toBe("after");
  });
});
