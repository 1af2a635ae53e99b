/** RFC 9111 §4.4. */
import { expect, test } from "vitest";
import { decideInvalidations } from "./decide-invalidations.ts";

const uri = "http://shop.example/cart/1?x=1";

test.for(["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"])(
  "%s makes its target invalid",
  (method) => {
    for (const status of [200, 201, 204, 302, 303]) {
      expect(decideInvalidations(method, status, uri, "")).toEqual([uri]);
    }
    for (const status of [400, 404, 409, 500, 503]) {
      expect(decideInvalidations(method, status, uri, "Location: /b\r\n")).toEqual([]);
    }
  },
);

test.for(["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "SEARCH", "QUERY"])(
  "%s makes nothing invalid",
  (method) => {
    expect(decideInvalidations(method, 200, uri, "Location: /b\r\n")).toEqual([]);
  },
);

const named: readonly (readonly [reference: string, invalid: string | undefined])[] = [
  ["/b", "http://shop.example/b"],
  ["b?y=2#part", "http://shop.example/cart/b?y=2"],
  ["../b", "http://shop.example/b"],
  ["http://shop.example/b", "http://shop.example/b"],
  ["http://shop.example:80/b", "http://shop.example/b"],
  ["//shop.example/%7eb/%c3%a9", "http://shop.example/~b/%C3%A9"],
  ["http://other.example/b", undefined],
  ["https://shop.example/b", undefined],
  ["http://shop.example:81/b", undefined],
  ["http://[", undefined],
  ["", undefined],
];

test.for(named)("Location and Content-Location %j name %s", ([reference, invalid]) => {
  const expected = invalid === undefined ? [uri] : [uri, invalid];
  for (const name of ["Location", "content-location"]) {
    expect(decideInvalidations("POST", 201, uri, `${name}: ${reference}\r\n`)).toEqual(expected);
  }
});

test("both are made invalid, and a port stays as it is in the keys", () => {
  const fields = "Location: /b\r\nContent-Location: /c\r\n";
  expect(decideInvalidations("PUT", 200, "http://a.example:80/x", fields)).toEqual([
    "http://a.example:80/x",
    "http://a.example:80/b",
    "http://a.example:80/c",
  ]);
});
