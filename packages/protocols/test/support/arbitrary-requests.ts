/** Requests of all kinds for property tests: sound, doubtful, and with a byte put in or taken out. */
import fc from "fast-check";

const method = fc.constantFrom(
  "GET",
  "GET",
  "POST",
  "PUT",
  "HEAD",
  "OPTIONS",
  "DELETE",
  "TRACE",
  "X-Y",
);
const target = fc.constantFrom(
  "/",
  "/a/b?c=d",
  "/a/%2e%2e/b",
  "/a/../../b",
  "/%zz",
  "/a%00",
  "*",
  "http://b.test:81/x?y",
  "http://",
  "a.test:80",
  "/x#y",
  "/\xe9",
  "//x//",
  "/a b",
  "?",
  "",
);
const version = fc.constantFrom(
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/2.0",
  "http/1.1",
  "HTTP/1.",
);
const line = fc.constantFrom(
  "Host: a.test",
  "Host: b.test:80",
  "Host:",
  "Host: a b",
  "host: a.test",
  "Connection: close",
  "Connection: keep-alive, X-A",
  "Connection: Upgrade",
  "Upgrade: h2c",
  "Upgrade: websocket",
  "X-A: 1",
  "X-A:1 ",
  "X-A:\t1",
  "X_A: 1",
  "X-A : 1",
  " X-A: 1",
  "X-A",
  ": 1",
  "X-B: \xe9",
  "X-B: \x01",
  "Expect: 100-continue",
  "Expect: x",
  "Content-Length: 0",
  "Content-Length: +3",
  "Content-Length: 3, 3",
  "Content-Length: 3 3",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding:\x0bchunked",
  "Cookie: a=1",
);
const body = fc.constantFrom(
  ["", ""],
  ["", ""],
  ["Content-Length: 3\r\n", "abc"],
  ["Content-Length: 003\r\n", "abc"],
  ["Content-Length: 5\r\n", "a\r\n\r\nb"],
  ["Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
  ["transfer-encoding: Chunked\r\n", "3;x=y\r\nabc\r\nA\r\n0123456789\r\n000\r\nX-T: 1\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3 \r\nabc\r\n0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nX T: 1\r\n\r\n"],
  ["Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"],
  ["Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
  ["Content-Length: 3\r\nContent-Length: 3\r\n", "abc"],
  ["Content-Length: 3\r\nContent-Length: 4\r\n", "abc"],
);

/** Mostly sound, so that pipelines get beyond their first request. */
const soundRequest = fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).map(([kind, size]) => {
  const text = "x".repeat(size);
  switch (kind) {
    case 0:
      return `GET /${text} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
    case 1:
      return `POST /${text} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${size}\r\n\r\n${text}`;
    case 2:
      return `\r\nHEAD / HTTP/1.1\r\nX-A: ${text} \r\nHost: a.test\r\n\r\n`;
    case 3:
      return `PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a.test\r\n\r\n${size + 1}\r\n${text}y\r\n0\r\nX-T: ${text}\r\n\r\n`;
    default:
      return `OPTIONS * HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, X-A\r\nX-A: ${text}\r\n\r\n`;
  }
});

const doubtfulRequest = fc
  .tuple(method, target, version, fc.array(line, { maxLength: 4 }), body)
  .map(([verb, path, protocol, lines, [framing, content]]) => {
    const fields = lines.map((field) => `${field}\r\n`).join("");
    const host = lines.some((field) => /^host:/i.test(field)) ? "" : "Host: a.test\r\n";
    return `${verb} ${path} ${protocol}\r\n${host}${fields}${framing}\r\n${content}`;
  });

const mostlySound = fc.oneof(
  { arbitrary: soundRequest, weight: 4 },
  { arbitrary: doubtfulRequest, weight: 2 },
);

export interface Damage {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

export const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat({ max: 200 }),
  remove: fc.nat({ max: 2 }),
  insert: fc.constantFrom(
    "",
    "\r",
    "\n",
    "\r\n",
    "\0",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "0",
    "x",
    "\x80",
    "#",
  ),
});

/** One to four requests in a row, as bytes; perhaps with one place of damage. */
export const requests: fc.Arbitrary<Buffer> = fc
  .tuple(fc.array(mostlySound, { minLength: 1, maxLength: 5 }), fc.option(damage, { freq: 1 }))
  .map(([texts, harm]) => damaged(texts.join(""), harm));

/** The text as bytes, with the damage done to it. */
export function damaged(text: string, harm: Damage | null): Buffer {
  if (harm === null) return Buffer.from(text, "latin1");
  const at = harm.at % (text.length + 1);
  return Buffer.from(text.slice(0, at) + harm.insert + text.slice(at + harm.remove), "latin1");
}
