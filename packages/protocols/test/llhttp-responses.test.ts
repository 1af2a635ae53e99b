/** Our reading of responses against that of Node's client, as `llhttp.test.ts` does for requests. */
import { once } from "node:events";
import { request } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, readAnswer } from "./support/answer-reader.ts";
import { responses } from "./support/arbitrary-responses.ts";
import { cut } from "./support/message-reader.ts";

/** Refused by us alone, by the reason we give. */
const stricter: ReadonlySet<string> = new Set([
  "a transfer coding other than chunked",
  "Transfer-Encoding in HTTP/1.0",
  "the status line is malformed", // a status beyond 599
]);

/**
 * Accepted by us alone, by llhttp's reason: bytes after the answer's end. They are no part of it;
 * whoever reads on must close such a connection, and not take them for the next answer.
 */
const looser: ReadonlySet<string> = new Set(["HPE_INVALID_CONSTANT", "HPE_CLOSED_CONNECTION"]);

let server: Server;
let answer: Buffer = Buffer.alloc(0);

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => server.close());

function askNode(bytes: Buffer): Promise<Answer> {
  answer = bytes;
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    let status = 0;
    let body = "";
    const finish = (complete: boolean, problem: string): void => {
      outgoing.destroy();
      resolve({ status, body, complete, problem });
    };
    const outgoing = request({ host: "127.0.0.1", port, agent: false }, (incoming) => {
      status = incoming.statusCode ?? 0;
      incoming.setEncoding("latin1");
      incoming.on("data", (chunk: string) => {
        body += chunk;
      });
      incoming.on("end", () => finish(incoming.complete, ""));
      incoming.on("error", (error: NodeJS.ErrnoException) => finish(false, error.code ?? ""));
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => finish(false, error.code ?? ""));
    outgoing.end();
  });
}

/** "" when both read the same, or what one did and the other did not, for which there are lists. */
function difference(ours: Answer, theirs: Answer): string {
  if (ours.complete && theirs.complete) {
    return ours.status === theirs.status && ours.body === theirs.body ? "" : "different answers";
  }
  if (theirs.complete)
    return stricter.has(ours.problem) ? "" : `only Node accepts: ${ours.problem}`;
  if (ours.complete) return looser.has(theirs.problem) ? "" : `only we accept: ${theirs.problem}`;
  return "";
}

test("we and llhttp read the same responses", async () => {
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(responses, async (bytes) => {
      const ours = readAnswer([bytes]);
      if (ours.complete) sound++;
      const found = difference(ours, await askNode(bytes));
      expect(found, JSON.stringify(bytes.toString("latin1"))).toBe("");
    }),
    { numRuns: 800 },
  );
  expect(sound).toBeGreaterThan(100);
});

test("any split of a response gives the same answer", () => {
  fc.assert(
    fc.property(responses, fc.array(fc.nat({ max: 300 }), { maxLength: 12 }), (bytes, offsets) => {
      const { problem: _whole, ...whole } = readAnswer([bytes]);
      const { problem: _split, ...split } = readAnswer(cut(bytes, offsets));
      expect(split).toEqual(whole);
    }),
    { numRuns: 1000 },
  );
});
