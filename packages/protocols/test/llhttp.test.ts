/**
 * Our reading of requests against that of Node's parser (llhttp), over a real server and raw
 * sockets. Where both accept, they must have read the same messages: a difference there is how
 * requests are smuggled. Where only one accepts, the reason must be on one of the two lists.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requests } from "./support/arbitrary-requests.ts";
import { type Outcome, readRequests } from "./support/message-reader.ts";
import { limits } from "./support/requests.ts";

interface Heard {
  readonly method: string;
  readonly target: string;
  body: string;
  /** Read to its end by the parser; `body` is then whole unless a later mistake cut its delivery. */
  readonly isComplete: () => boolean;
  delivered: boolean;
}

/** Refused by us alone, by the reason we give. */
const stricter: ReadonlySet<string> = new Set([
  "405 TRACE is refused",
  "400 Transfer-Encoding in HTTP/1.0",
  "501 a transfer coding other than chunked",
  "400 an empty transfer coding",
  "505 only HTTP/1.x is spoken here",
  "400 the request line has no version", // HTTP/0.9
  "400 a line ends in LF alone", // llhttp skips empty lines of any form before a request
  "400 the request line does not start with a method", // and any number of them
  "400 no Host", // Node sees to it, but not where the connection closes at once
  "400 more than one Host",
  "400 the Host is invalid",
  "400 the path is malformed or leaves the root",
  '400 the target "*" is for OPTIONS',
  "400 the target is neither a path nor a URL",
  "400 the target has a character that must be encoded", // llhttp skips more than one space
  "400 the target has a fragment",
  "400 the target's host is invalid",
  "417 only 100-continue can be expected",
]);

/** Accepted by us alone, by llhttp's reason. */
const looser: ReadonlySet<string> = new Set([
  "HPE_INVALID_METHOD", // llhttp has a list of methods, we take any token
  "HPE_INVALID_URL", // bytes above 0x7f, which we encode as nginx's users expect
  "HPE_INVALID_VERSION", // HTTP/1.2 is spoken as 1.1 (RFC 9110 §2.5)
]);

let server: Server;
let heard: Heard[] = [];
let nodeRefused = "";
let done: () => void = () => {};

beforeAll(async () => {
  server = createServer({ keepAliveTimeout: 60_000 });
  const listen = (request: IncomingMessage, response: ServerResponse): void => {
    const message = {
      method: request.method ?? "",
      target: request.url ?? "",
      body: "",
      isComplete: () => request.complete,
      delivered: false,
    };
    heard.push(message);
    request.setEncoding("latin1");
    request.on("data", (chunk: string) => {
      message.body += chunk;
    });
    request.on("end", () => {
      message.delivered = true;
      response.end();
    });
    request.on("error", () => {});
  };
  server.on("request", listen);
  server.on("checkContinue", listen);
  server.on("checkExpectation", listen);
  server.on("connect", (_request, socket) => socket.destroy());
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    nodeRefused = error.code ?? error.message;
    socket.destroy();
  });
  server.on("connection", (socket) => socket.on("close", () => done()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function askNode(bytes: Buffer): Promise<void> {
  heard = [];
  nodeRefused = "";
  const closed = new Promise<void>((resolve) => {
    done = resolve;
  });
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  socket.end(bytes);
  await closed;
  socket.destroy();
}

/** "" when both read the same, or what one did and the other did not, for which there are lists. */
function difference(ours: Outcome): string {
  const refusal = `${ours.refused} ${ours.problem}`;
  const count = Math.max(ours.messages.length, heard.length);
  for (let index = 0; index < count; index++) {
    const mine = ours.messages[index];
    const theirs = heard[index];
    if (mine === undefined) return stricter.has(refusal) ? "" : `only Node goes on: ${refusal}`;
    // llhttp takes what follows an offered upgrade for the new protocol; we do not upgrade to it.
    if (theirs === undefined && ours.messages[index - 1]?.upgrade) return "";
    if (theirs === undefined) return looser.has(nodeRefused) ? "" : `only we go on: ${nodeRefused}`;
    if (mine.method !== theirs.method || mine.target !== theirs.target) {
      return `${mine.method} ${mine.target}, but ${theirs.method} ${theirs.target}`;
    }
    const complete = theirs.isComplete();
    if (mine.complete && !complete) return `only we read the body: ${nodeRefused}`;
    if (!mine.complete && complete) return `only Node read the body: ${refusal}`;
    if (theirs.delivered && mine.body !== theirs.body) return "different bodies";
  }
  return "";
}

test("we and llhttp read the same requests", async () => {
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(requests, async (bytes) => {
      await askNode(bytes);
      const ours = readRequests([bytes], limits);
      sound += ours.messages.length;
      expect(difference(ours), JSON.stringify(bytes.toString("latin1"))).toBe("");
    }),
    { numRuns: 1000 },
  );
  // Most of what was generated must have been read, or nothing was compared.
  expect(sound).toBeGreaterThan(700);
});
