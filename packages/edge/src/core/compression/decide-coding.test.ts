import { expect, test } from "vitest";
import { codedFields, compileCodingRules, decideCoding, varyByEncoding } from "./decide-coding.ts";

const rules = compileCodingRules({
  encodings: ["br"],
  minBytes: 100,
  types: ["text/*", "application/json"],
});
const html = "Content-Type: text/html; charset=utf-8\r\n";

test.for([
  [200, html, 100, "fit"],
  [200, html, -1, "fit"],
  [200, html, 99, "short"],
  [203, "content-type:Application/JSON\r\n", 500, "fit"],
  [200, "Content-Type: image/png\r\n", 500, "unfit"],
  [200, "Content-Type: text/event-stream\r\n", -1, "unfit"],
  [200, "", 500, "unfit"],
  [206, html, 500, "unfit"],
  [204, html, -1, "unfit"],
  [304, html, 500, "unfit"],
  [404, html, 500, "unfit"],
  [500, html, 500, "unfit"],
  [200, `${html}Content-Encoding: gzip\r\n`, 500, "unfit"],
  [200, `${html}content-encoding: identity\r\n`, 500, "unfit"],
  [200, `${html}Content-Range: bytes 0-1/2\r\n`, 500, "unfit"],
  [200, `${html}Cache-Control: public, No-Transform\r\n`, 500, "unfit"],
  [200, `${html}Cache-Control: no-transformers\r\n`, 500, "fit"],
  [200, `${html}Repr-Digest: sha-256=:x:\r\n`, 500, "unfit"],
  [200, `${html}X-Note: content-encoding: gzip\r\n`, 500, "fit"],
] as const)("%i with %j and %i bytes is %s", ([status, fields, length, verdict]) => {
  expect(decideCoding(rules, status, fields, length)).toBe(verdict);
});

test.for([
  ["", "Vary: Accept-Encoding\r\n"],
  ["Vary: Cookie\r\n", "Vary: Cookie\r\nVary: Accept-Encoding\r\n"],
  ["vary: Cookie, accept-encoding\r\n", "vary: Cookie, accept-encoding\r\n"],
  ["Vary: *\r\n", "Vary: *\r\n"],
  ["Vary: X-Accept-Encoding\r\n", "Vary: X-Accept-Encoding\r\nVary: Accept-Encoding\r\n"],
] as const)("%j varies as %j", ([fields, expected]) => {
  expect(varyByEncoding(fields)).toBe(expected);
});

test("a coded answer has a weak tag, no ranges, and says how it is coded", () => {
  expect(codedFields('ETag: "a"\r\nAccept-Ranges: bytes\r\nX: 1\r\n', "br")).toBe(
    'ETag: W/"a"\r\nX: 1\r\nVary: Accept-Encoding\r\nContent-Encoding: br\r\n',
  );
  expect(codedFields('etag: W/"a"\r\n', "gzip")).toContain('etag: W/"a"\r\n');
});
