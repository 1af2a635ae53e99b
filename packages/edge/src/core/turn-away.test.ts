import { createFastcgiAnswerReader, readFastcgiAnswer } from "@stack/protocols";
import { expect, test } from "vitest";
import { turnAwayAs } from "./turn-away.ts";

const http =
  "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry";
const cgi = "Status: 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nsorry";

test("HTTP and uwsgi are turned away as it is written", () => {
  expect(turnAwayAs("http", http)).toBe(http);
  expect(turnAwayAs("uwsgi", http)).toBe(http);
});

test("SCGI is turned away with the head of a CGI answer", () => {
  expect(turnAwayAs("scgi", http)).toBe(cgi);
});

test("FastCGI is turned away in records, and their end", () => {
  const bytes = Buffer.from(turnAwayAs("fastcgi", http), "latin1");
  const reader = createFastcgiAnswerReader();
  let read = "";
  for (let at = 0; at < bytes.length && !reader.done; ) {
    at = readFastcgiAnswer(reader, bytes, at, bytes.length);
    read += bytes.toString("latin1", reader.dataStart, reader.dataEnd);
  }
  expect({ read, done: reader.done, problem: reader.problem }).toEqual({
    read: cgi,
    done: true,
    problem: "",
  });
});
