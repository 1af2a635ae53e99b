/**
 * Our server side of uwsgi, SCGI and FastCGI over a real socket: answers every request with what it
 * understood, as JSON; "/big" with many records; "/early" before it has read the body.
 */
import { createServer, type Server, type Socket } from "node:net";
import {
  createCgiRequestFacts,
  createFastcgiRequestReader,
  createRequestHead,
  createScgiReader,
  createUwsgiReader,
  encodeAnswerEnd,
  encodeEndRequest,
  encodeOutput,
  finishFastcgiRequest,
  headerValue,
  parseCgiRequest,
  protocolStatus,
  readFastcgiRequest,
  readScgi,
  readUwsgi,
  recordType,
} from "../../src/index.ts";
import { createBodyReader, readBody, startBody } from "./body-reader.ts";
import { formatCgiResponse } from "./format-cgi-response.ts";
import { limits } from "./requests.ts";

/** What a test wants to know of it. */
export interface Seen {
  connections: number;
  readonly problems: string[];
  /** What was answered to questions about us, and to second requests. */
  replies: number;
}

export function createCgiServer(protocol: "uwsgi" | "scgi" | "fastcgi"): {
  readonly server: Server;
  readonly seen: Seen;
} {
  const seen: Seen = { connections: 0, problems: [], replies: 0 };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    seen.connections++;
    const take =
      protocol === "fastcgi" ? fastcgi(socket, seen) : oneRequest(protocol, socket, seen);
    socket.on("data", (data: Buffer) => {
      // In small pieces of a buffer that is overwritten, as a shared one would be.
      const shared = Buffer.alloc(53);
      for (let from = 0; from < data.length; from += shared.length) {
        const length = data.copy(shared, 0, from, from + shared.length);
        take(shared, length);
        shared.fill(0xee);
      }
    });
    socket.on("end", () => socket.end());
    socket.on("error", () => socket.destroy());
  });
  return { server, seen };
}

type Take = (buffer: Buffer, length: number) => void;

function oneRequest(protocol: "uwsgi" | "scgi", socket: Socket, seen: Seen): Take {
  const head = protocol === "uwsgi" ? uwsgiHead() : scgiHead();
  const body = createBodyReader();
  let page: Page | undefined;
  let answered = false;
  return (buffer, length) => {
    let at = 0;
    if (!head.reader.done) {
      at = head.read(buffer, length);
      if (head.reader.problem !== "") fail(socket, seen, head.reader.problem);
      if (!head.reader.done) return;
      page = createPage(head.reader.block, seen);
      startBody(body, page.contentLength);
    }
    while (at < length && !body.done) {
      at = readBody(body, buffer, at, length);
      page?.take(buffer.toString("latin1", body.dataStart, body.dataEnd));
    }
    if (!body.done || page === undefined || answered) return;
    answered = true;
    const text = page.answer();
    const start = formatCgiResponse(page.status, "Fine", page.fields, text.length);
    // A uwsgi client expects HTTP, or takes both.
    const form = protocol === "uwsgi" ? start.replace("Status:", "HTTP/1.1") : start;
    socket.end(form + text, "latin1");
  };
}

function uwsgiHead() {
  const reader = createUwsgiReader();
  const read = (buffer: Buffer, length: number): number => readUwsgi(reader, buffer, 0, length);
  return { reader, read };
}

function scgiHead() {
  const reader = createScgiReader();
  const read = (buffer: Buffer, length: number): number => readScgi(reader, buffer, 0, length);
  return { reader, read };
}

function fastcgi(socket: Socket, seen: Seen): Take {
  const reader = createFastcgiRequestReader();
  let page: Page | undefined;
  const answer = (): void => {
    if (page === undefined) return;
    const text = page.answer();
    const head = formatCgiResponse(page.status, "Fine", page.fields, text.length);
    socket.write(encodeOutput(recordType.stderr, reader.id, "a word for the log"), "latin1");
    socket.write(encodeOutput(recordType.stdout, reader.id, head + text), "latin1");
    socket.write(encodeAnswerEnd(reader.id), "latin1");
    page = undefined;
    finishFastcgiRequest(reader);
    if (!reader.keepOpen) socket.end();
  };
  return (buffer, length) => {
    let at = 0;
    while (at < length && reader.problem === "") {
      at = readFastcgiRequest(reader, buffer, at, length);
      switch (reader.event) {
        case "params":
          page = createPage(reader.block, seen);
          if (page.isEarly) answer();
          break;
        case "stdin":
          page?.take(buffer.toString("latin1", reader.dataStart, reader.dataEnd));
          break;
        case "stdinEnd":
          answer();
          break;
        case "abort":
          socket.write(encodeEndRequest(reader.id, 0, protocolStatus.requestComplete), "latin1");
          finishFastcgiRequest(reader);
          break;
        case "reply":
          seen.replies++;
          socket.write(reader.reply, "latin1");
          break;
        default:
      }
    }
    if (reader.problem !== "") fail(socket, seen, reader.problem);
  };
}

type Page = ReturnType<typeof createPage>;

function createPage(block: string, seen: Seen) {
  const head = createRequestHead();
  const facts = createCgiRequestFacts();
  const status = parseCgiRequest(block, limits, head, facts);
  if (status !== 0) seen.problems.push(`${status} ${head.problem}`);
  let body = "";
  return {
    status: status === 0 ? 200 : status,
    fields: "Content-Type: application/json\r\nX-Kind: test\r\n",
    contentLength: Math.max(0, head.contentLength),
    isEarly: head.path === "/early",
    take(piece: string) {
      body += piece;
    },
    answer() {
      if (head.path === "/big") return "0123456789abcdef".repeat(40_000);
      const { method, path, query, authority } = head;
      const agent = headerValue(head, "x-agent");
      return JSON.stringify({
        method,
        path,
        query,
        authority,
        agent,
        bytes: body.length,
        ...facts,
      });
    },
  };
}

function fail(socket: Socket, seen: Seen, problem: string): void {
  seen.problems.push(problem);
  socket.destroy();
}
