/** However the bytes are cut on their way, the result is the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { requests } from "../../test/support/arbitrary-requests.ts";
import { cut, readRequests } from "../../test/support/message-reader.ts";
import { limits } from "../../test/support/requests.ts";
import { parseAnswer } from "../../test/support/responses.ts";
import { findHeadEnd } from "./find-head-end.ts";

const cuts = fc.array(fc.nat({ max: 1000 }), { maxLength: 12 });

test("any split of requests in a row gives the same messages and the same refusal", () => {
  fc.assert(
    fc.property(requests, cuts, (bytes, offsets) => {
      const { problem: _whole, ...whole } = readRequests([bytes], limits);
      const { problem: _split, ...split } = readRequests(cut(bytes, offsets), limits);
      expect(split).toEqual(whole);
    }),
    { numRuns: 1500 },
  );
});

test("byte by byte is as good as at once", () => {
  fc.assert(
    fc.property(requests, (bytes) => {
      const everywhere = Array.from({ length: bytes.length }, (_value, index) => index);
      const { problem: _whole, ...whole } = readRequests([bytes], limits);
      const { problem: _split, ...split } = readRequests(cut(bytes, everywhere), limits);
      expect(split).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});

test("a head beyond its limit is refused the same way at any split", () => {
  const small = { headerBytes: 64, headerCount: 3 };
  fc.assert(
    fc.property(requests, cuts, (bytes, offsets) => {
      const { problem: _whole, ...whole } = readRequests([bytes], small);
      const { problem: _split, ...split } = readRequests(cut(bytes, offsets), small);
      expect(split).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});

test("no forwarded request can be read in two ways", () => {
  fc.assert(
    fc.property(requests, (bytes) => {
      for (const { forwarded } of readRequests([bytes], limits).messages) {
        expect(forwarded).toMatch(/^[^\r\n]+(?:\r\n[^\r\n]+)*\r\n\r\n$/);
        expect(forwarded.match(/\r\nhost:/gi)).toHaveLength(1);
        const framings = forwarded.match(/\r\n(?:content-length|transfer-encoding):/gi) ?? [];
        expect(framings.length).toBeLessThanOrEqual(1);
        expect(forwarded).not.toMatch(/\r\n[^:]*_[^:]*:/);
        expect(forwarded).not.toMatch(/[\0\x7f]/);
      }
    }),
    { numRuns: 1000 },
  );
});

test("a response head ends where it ends, wherever it was cut", () => {
  const raw = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: \xe9\r\n\r\nabc";
  const end = raw.indexOf("abc");
  for (let at = 1; at < raw.length; at++) {
    const first = findHeadEnd(raw.slice(0, at), 0, 0, limits);
    expect(first === 0 ? findHeadEnd(raw, 0, at, limits) : first).toBe(end);
  }
  expect(parseAnswer(raw).status).toBe(0);
});
