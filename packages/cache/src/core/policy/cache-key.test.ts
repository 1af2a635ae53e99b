import { createRequestHead, parseRequestHead } from "@stack/protocols";
import { expect, test } from "vitest";
import { formatCacheKey, type KeySpec, keyedQuery } from "./cache-key.ts";

const urlKey: KeySpec = { query: "all", headers: [], cookies: [] };

function head(target: string, ...lines: string[]) {
  const parsed = createRequestHead();
  const text = [`GET ${target} HTTP/1.1`, "Host: Shop.example", ...lines, "", ""].join("\r\n");
  expect(
    parseRequestHead(text, 0, text.length, { headerBytes: 9999, headerCount: 20 }, parsed),
  ).toBe(0);
  return parsed;
}

const keys: readonly (readonly [key: string, target: string, spec: Partial<KeySpec>])[] = [
  ["http://shop.example/a", "/a", {}],
  ["http://shop.example/a?", "/a?", {}],
  ["http://shop.example/a?b=2&a=1", "/a?b=2&a=1", {}],
  ["http://shop.example/~x/b", "/%7ex/c/../b", {}],
  ["http://shop.example/a", "http://shop.example/a", {}],
  ["http://shop.example/a", "/a?b=2&a=1", { query: "none" }],
  ["http://shop.example/a?a=1&b=2&b=1&c", "/a?c&b=2&a=1&&b=1", { query: "sorted" }],
  ["http://shop.example/a?a=1&c=", "/a?c=&utm_source=x&a=1", { query: ["a", "c"] }],
  ["http://shop.example/a", "/a?utm_source=x", { query: ["a", "c"] }],
  ["http://shop.example/a\nx-tenant:7\naccept:", "/a", { headers: ["x-tenant", "accept"] }],
  ["http://shop.example/a\nlang=de\nnone=", "/a", { cookies: ["lang", "none"] }],
];

test.for(keys)("%j for %s by %j", ([key, target, spec]) => {
  const request = head(target, "X-Tenant: 7", "Cookie: a=b; lang=de; lang=en");
  expect(formatCacheKey({ ...urlKey, ...spec }, "http", request)).toBe(key);
});

test("the scheme makes a difference", () => {
  expect(formatCacheKey(urlKey, "https", head("/a"))).toBe("https://shop.example/a");
});

test("what of a query is in the key is what the app may see of it", () => {
  expect(keyedQuery({ ...urlKey, query: ["a"] }, head("/a?b=1&a=%26"))).toBe("?a=%26");
});
