/** Responses of all kinds for property tests: sound, doubtful, and with a byte put in or taken out. */
import fc from "fast-check";
import { damage, damaged } from "./arbitrary-requests.ts";

const statusLine = fc.constantFrom(
  "HTTP/1.1 200 OK",
  "HTTP/1.1 200 OK",
  "HTTP/1.1 200 OK",
  "HTTP/1.1 404 Not Found",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 200 ",
  "HTTP/1.1 200",
  "HTTP/1.1 999 X",
  "HTTP/1.1 20 X",
  "HTTP/2.0 200 OK",
);
const line = fc.constantFrom(
  "Server: x",
  "Set-Cookie: a=1",
  "Connection: close",
  "Connection: keep-alive, X-A",
  "X-A: 1",
  "X-A:",
  "X-A : 1",
  " X-A: 1",
  "X-B: \xe9",
  "X-B: \x01",
  "Date: Sun, 22 Nov 2026 10:00:00 GMT",
  "Content-Length: +3",
  "Content-Length: 0",
  "Transfer-Encoding: identity",
);
const framed = fc.constantFrom(
  ["", "until the end"],
  ["", ""],
  ["Content-Length: 3\r\n", "abc"],
  ["Content-Length: 5\r\n", "abc"],
  ["Content-Length: 0\r\n", ""],
  ["Content-Length: 3\r\nContent-Length: 3\r\n", "abc"],
  ["Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\na\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n"],
  ["Transfer-Encoding: gzip, chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "3\r\nabc\r\n0\r\n\r\n"],
);

/** One response and the end of the connection; perhaps with one place of damage. */
export const responses: fc.Arbitrary<Buffer> = fc
  .tuple(statusLine, fc.array(line, { maxLength: 3 }), framed, fc.option(damage, { freq: 1 }))
  .map(([first, lines, [framing, content], harm]) => {
    const fields = lines.map((field) => `${field}\r\n`).join("");
    return damaged(`${first}\r\n${fields}${framing}\r\n${content}`, harm);
  });
