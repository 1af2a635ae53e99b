/**
 * Our client side of uwsgi, SCGI and FastCGI over a real socket, as an edge has it: everything is read
 * into one small shared buffer, so that heads and records come in pieces.
 */
import { connect, type Socket } from "node:net";
import {
  type CgiParams,
  chunkedBody,
  createFastcgiAnswerReader,
  createResponseHead,
  encodeFastcgiRequest,
  encodeScgiRequest,
  encodeUwsgiRequest,
  type FastcgiAnswerReader,
  findCgiHeadEnd,
  formatCgiParams,
  noScript,
  parseCgiResponse,
  readFastcgiAnswer,
  recordPadding,
  resetFastcgiAnswerReader,
  stdinEnd,
  stdinStart,
} from "../../src/index.ts";
import { createBodyReader, endBody, readBody, startBody, untilClose } from "./body-reader.ts";
import { limits, options, parse } from "./requests.ts";

export interface Answer {
  status: number;
  reason: string;
  fields: string;
  body: string;
  /** FastCGI: what the program wrote to its stderr. */
  stderr: string;
  /** The body is complete. */
  complete: boolean;
  problem: string;
}

export interface Ask {
  readonly raw: string;
  readonly body?: Buffer;
  readonly params?: CgiParams;
}

const shared = Buffer.alloc(61);

function blockOf({ raw, body, params = noScript }: Ask): string {
  const { status, head } = parse(raw);
  if (status !== 0) throw new Error(`refused with ${status}: ${head.problem}`);
  return formatCgiParams(head, { ...options, framing: body?.length ?? 0 }, params);
}

/** One request over uwsgi or SCGI, on a connection of its own. */
export async function askOnce(protocol: "uwsgi" | "scgi", path: string, ask: Ask): Promise<Answer> {
  const answer = createAnswer(ask);
  const head =
    protocol === "uwsgi" ? encodeUwsgiRequest(blockOf(ask)) : encodeScgiRequest(blockOf(ask));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = openSocket(path, (length) => {
    answer.take(shared, 0, length);
    return true;
  });
  socket.on("error", reject);
  socket.on("end", () => {
    answer.end();
    resolve();
  });
  socket.write(head, "latin1");
  if (ask.body !== undefined) socket.write(ask.body);
  await promise;
  socket.destroy();
  return answer.answer;
}

export interface FastcgiClient extends Disposable {
  readonly ask: (ask: Ask) => Promise<Answer>;
}

/** One connection to a FastCGI server, for one request after the other. */
export function openFastcgiClient(path: string): FastcgiClient {
  const reader = createFastcgiAnswerReader();
  let current: ReturnType<typeof createAnswer> | undefined;
  let settled = Promise.withResolvers<void>();
  const socket = openSocket(path, (length) => {
    if (current !== undefined) takeRecords(reader, current, length);
    if (reader.done || reader.problem !== "") settled.resolve();
    return true;
  });
  socket.on("error", (error) => settled.reject(error));
  socket.on("end", () => settled.reject(new Error("the server closed the connection")));
  return {
    async ask(ask) {
      settled = Promise.withResolvers<void>();
      current = createAnswer(ask);
      resetFastcgiAnswerReader(reader);
      socket.write(encodeFastcgiRequest(blockOf(ask), true), "latin1");
      const { body = Buffer.alloc(0) } = ask;
      for (let at = 0; at < body.length; at += 65_535) {
        const piece = body.subarray(at, at + 65_535);
        socket.write(stdinStart(piece.length), "latin1");
        socket.write(piece);
        socket.write(recordPadding(piece.length), "latin1");
      }
      socket.write(stdinEnd, "latin1");
      await settled.promise;
      if (reader.problem !== "") current.answer.problem = reader.problem;
      current.end();
      return current.answer;
    },
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}

function takeRecords(
  reader: FastcgiAnswerReader,
  into: ReturnType<typeof createAnswer>,
  length: number,
): void {
  let at = 0;
  while (at < length && !reader.done && reader.problem === "") {
    at = readFastcgiAnswer(reader, shared, at, length);
    if (reader.stream === "stdout") into.take(shared, reader.dataStart, reader.dataEnd);
    else into.answer.stderr += shared.toString("latin1", reader.dataStart, reader.dataEnd);
  }
  if (at < length) throw new Error("bytes after the end of the answer");
}

function openSocket(path: string, callback: (length: number) => boolean): Socket {
  return connect({
    path,
    onread: {
      buffer: shared,
      callback: (length) => {
        callback(length);
        shared.fill(0xee);
        return true;
      },
    },
  });
}

/** Takes the bytes of a CGI answer as they come. */
function createAnswer(ask: Ask) {
  const head = createResponseHead();
  const body = createBodyReader();
  let text = "";
  let begun = false;
  const answer: Answer = {
    status: 0,
    reason: "",
    fields: "",
    body: "",
    stderr: "",
    complete: false,
    problem: "",
  };
  const takeBody = (buffer: Buffer, start: number, end: number): void => {
    let at = start;
    while (at < end && !body.done && body.problem === "") {
      at = readBody(body, buffer, at, end);
      answer.body += buffer.toString("latin1", body.dataStart, body.dataEnd);
    }
    answer.problem ||= body.problem;
  };
  const takeHead = (buffer: Buffer, start: number, end: number): void => {
    const before = text.length;
    text += buffer.toString("latin1", start, end);
    const headEnd = findCgiHeadEnd(text, 0, before, limits);
    if (headEnd === 0) return;
    if (headEnd < 0) {
      answer.problem = "no end of the head";
      return;
    }
    const method = ask.raw.slice(0, ask.raw.indexOf(" "));
    if (parseCgiResponse(text, 0, headEnd, limits, method, head) !== 0) {
      answer.problem = head.problem;
      return;
    }
    begun = true;
    answer.status = head.status;
    answer.reason = head.reason;
    answer.fields = head.forwardable;
    const framing = {
      none: 0,
      length: head.contentLength,
      chunked: chunkedBody,
      "until-close": untilClose,
    };
    startBody(body, framing[head.body]);
    takeBody(buffer, start + headEnd - before, end);
  };
  return {
    answer,
    take(buffer: Buffer, start: number, end: number) {
      if (answer.problem !== "" || start === end) return;
      if (begun) takeBody(buffer, start, end);
      else takeHead(buffer, start, end);
    },
    end() {
      answer.complete = begun && endBody(body);
    },
  };
}
