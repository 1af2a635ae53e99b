import { createRequestHead, parseRequestHead } from "@stack/protocols";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCors, createEditAnswer } from "./edit-answer.ts";
import { createEditRequest } from "./edit-request.ts";
import { createRewrite } from "./rewrite.ts";
import { chooseByToken, chooseByWeight } from "./split-choice.ts";

const limits = { headerBytes: 32_768, headerCount: 100 };

function parse(target: string, ...lines: readonly string[]) {
  const text = `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  const head = createRequestHead();
  expect(parseRequestHead(text, 0, text.length, limits, head)).toBe(0);
  return head;
}

test.for([
  ["/new{rest}", "/old/x?y=1", "/new/x?y=1"],
  ["/new{rest}", "/old", "/new"],
  ["{rest}", "/old", "/"],
  ["{rest}", "/old//a", "//a"],
  ["{path}", "/old/a%2Fb", "/old/a%2Fb"],
  ["/q?a=1", "/old/x?y=1", "/q?a=1"],
  ["/q?a=1{query}", "/old/x?y=1", "/q?a=1&y=1"],
  ["/q{query}", "/old/x", "/q"],
  ["/{host}{rest}", "/old/x", "/a.test/x"],
] as const)("%s makes of %s %s", ([template, target, expected]) => {
  const head = parse(target);
  expect(createRewrite(template, { prefixLength: 4, pattern: null })(head)).toBe(0);
  expect(`${head.path}${head.hasQuery ? `?${head.query}` : ""}`).toBe(expected);
  expect(head.target).toBe(target);
});

test("what a path caught cannot climb out of the rewritten one", () => {
  const place = { prefixLength: 0, pattern: /^\/(\.?[^/]*)\/(.*)$/ };
  expect(createRewrite("/.{1}/{2}", place)(parse("/.x/secret"))).toBe(0);
  const head = parse("/x/secret");
  head.path = "/./secret"; // no parser lets it pass; the rewrite would not either
  expect(createRewrite("/.{1}/{2}", place)(head)).toBe(400);
});

test("a head with other lines is the same request otherwise", () => {
  const edit = createEditRequest({
    set: [["X-Set", "b"]],
    add: [["Accept", "c"]],
    remove: ["x-gone"],
  });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("X-Set: a", "x-gone: 1", "Accept: d", "X-Other: e"), {
        maxLength: 6,
      }),
      fc.constantFrom("/", "/a%20b?x", "http://b.test/x"),
      (lines, target) => {
        const head = parse(target, ...lines, "Content-Length: 3");
        const before = { ...head };
        expect(edit(head)).toBe(true);
        const { path, query, host, authority, contentLength, keepAlive } = before;
        expect(head).toMatchObject({ target, path, query, host, authority });
        expect(head).toMatchObject({ contentLength, keepAlive, chunked: false });
        const names = head.text.match(/^[\w-]+(?=:)/gm)?.map((name) => name.toLowerCase()) ?? [];
        expect(names.filter((name) => name === "x-set")).toHaveLength(1);
        expect(names).not.toContain("x-gone");
        const others = lines.filter((line) => line.startsWith("X-Other")).length;
        expect(names.filter((name) => name === "x-other")).toHaveLength(others);
      },
    ),
  );
});

test("lines of an answer are taken out by whole names, in any case", () => {
  const edit = createEditAnswer({ set: [["X-A", "2"]], add: [["X-B", "3"]], remove: ["Server"] });
  expect(edit("x-a: 1\r\nX-AB: 1\r\nSERVER: x\r\nX-B: 1\r\n")).toBe(
    "X-AB: 1\r\nX-B: 1\r\nX-A: 2\r\nX-B: 3\r\n",
  );
});

test("any origin means no credentials and no Vary", () => {
  const cors = createCors({
    origins: "*",
    methods: ["GET"],
    headers: [],
    expose: [],
    credentials: false,
    maxAgeS: 5,
  });
  expect(cors.edit("", "https://a.test")).toBe("Access-Control-Allow-Origin: *\r\n");
  expect(cors.edit("", undefined)).toBe("");
  expect(cors.preflight("https://a.test")).not.toContain("Credentials");
});

test("shares are what the weights say", () => {
  const choices = [
    { weight: 95, token: "a" },
    { weight: 0, token: "b" },
    { weight: 5, token: "c" },
  ];
  const taken = [0, 0, 0];
  for (let step = 0; step < 1_000; step += 1) {
    const index = chooseByWeight(choices, step / 1_000);
    taken[index] = (taken[index] ?? 0) + 1;
  }
  expect(taken).toEqual([950, 0, 50]);
  expect(chooseByWeight(choices, 0.999_999_999_999_999_9)).toBe(2);
  expect(chooseByToken(choices, "b")).toBe(1);
  expect(chooseByToken(choices, "z")).toBe(-1);
});
