import type { RouteCachePlan } from "@stack/config";
import { createRequestHead, parseRequestHead } from "@stack/protocols";
import { expect, test } from "vitest";
import { compileCacheRules } from "./cache-rules.ts";

const plan: RouteCachePlan = {
  mode: "http",
  ttlMs: 1_000,
  key: { host: true, query: "all", headers: [], cookies: [] },
  bypass: { headers: [], cookies: [] },
  methods: ["GET", "HEAD"],
  negativeTtlMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  staleWhileDownMs: 0,
  maxBytes: 1024,
  storeSetCookie: false,
  status: true,
};

const keys: readonly (readonly [url: string, uri: string, key: Partial<RouteCachePlan["key"]>])[] =
  [
    ["http://shop.example/a?b=1&a=2", "http://shop.example/a?b=1&a=2", {}],
    ["http://shop.example/a?", "http://shop.example/a?", {}],
    ["http://*/a", "http://shop.example/a", { host: false }],
    ["http://shop.example/a?a=2&b=1", "http://shop.example/a?b=1&a=2", { query: "sorted" }],
    ["http://shop.example/a?a=2", "http://shop.example/a?b=1&a=2", { query: ["a"] }],
    ["http://shop.example/a", "http://shop.example/a?b=1", { query: ["a"] }],
  ];

test.for(keys)("what %s names is %s to the keys by %j", ([url, uri, key]) => {
  const rules = compileCacheRules({ ...plan, key: { ...plan.key, ...key } }, undefined);
  expect(rules.urlOf(uri)).toBe(url);
  const head = createRequestHead();
  const text = `GET ${uri} HTTP/1.1\r\nHost: shop.example\r\n\r\n`;
  const limits = { headerBytes: 1024, headerCount: 10 };
  expect(parseRequestHead(text, 0, text.length, limits, head)).toBe(0);
  expect(rules.keyOf(head, "http")).toBe(url);
});
