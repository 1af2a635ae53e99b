/** Which requests an answer suits: RFC 9111 §4.1. */
import { expect, test } from "vitest";
import { ask, now, stored } from "../../../test/support/messages.ts";
import { extendIndex, formatVariantKey, matchesRequest, maxVaryNames, parseVary } from "./vary.ts";

const lists: readonly (readonly [value: string, names: readonly string[] | "*"])[] = [
  ["", []],
  ["Foo", ["foo"]],
  ["Foo, BAR , foo,", ["bar", "foo"]],
  ["*", "*"],
  [" , * ,", "*"],
  ["foo, *", "*"],
  ["foo*", ["foo*"]],
];

test.for(lists)("Vary: %j is %j", ([value, names]) => {
  expect(parseVary(value)).toEqual(names);
});

const pairs: readonly (readonly [
  matches: boolean,
  vary: string,
  first: readonly string[],
  second: readonly string[],
])[] = [
  [true, "Foo", ["Foo: 1"], ["foo: 1"]],
  [false, "Foo", ["Foo: 1"], ["Foo: 2"]],
  [false, "Foo", ["Foo: a"], ["Foo: A"]],
  [false, "Foo", [], ["Foo: 1"]],
  [false, "Foo", [], ["Foo:"]],
  [false, "Foo", ["Foo: 1"], []],
  [true, "Foo", ["Foo: 1", "Other: 2"], ["Foo: 1", "Other: 3"]],
  [true, "Foo, Bar", ["Foo: 1", "Bar: abc"], ["Bar: abc", "Foo: 1"]],
  [false, "Foo, Bar", ["Foo: 1", "Bar: abc"], ["Foo: 2", "Bar: abc"]],
  [false, "Foo, Bar", ["Foo: 1", "Bar: abc"], []],
  [
    false,
    "Foo, Bar, Baz",
    ["Foo: 1", "Bar: abc", "Baz: 789"],
    ["Foo: 1", "Baz: 789", "Bar: abcde"],
  ],
  [true, "Foo, Bar, Baz", ["Foo: 1", "Baz: 789"], ["Foo: 1", "Baz: 789"]],
  [false, "Foo, Bar", ["Foo: 1"], ["Bar: 1"]],
  // lines and white space
  [true, "Foo", ["Foo: 1, 2"], ["Foo: 1", "Foo: 2"]],
  [true, "Foo", ["Foo: 1,2"], ["Foo:  1, 2 "]],
  [true, "Foo", ["Foo: 1,,2,"], ["Foo: 1, 2"]],
  [false, "Foo", ["Foo: 1, 2"], ["Foo: 2, 1"]],
  [false, "Foo", ['Foo: "a,b"'], ['Foo: "a, b"']],
  [false, "Foo", ["Foo: a b"], ["Foo: a  b"]],
  [false, "User-Agent", ["User-Agent: x (y, z)"], ["User-Agent: x (y,z)"]],
  [false, "Cookie", ["Cookie: a=1, 2"], ["Cookie: a=1,2"]],
  // negotiation
  [true, "Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: de, en"]],
  [true, "Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: eN, De"]],
  [true, "Accept-Language", ["Accept-Language: en, de"], ["Accept-Language:  en ,   de"]],
  [
    true,
    "Accept-Language",
    ["Accept-Language: en, de;q=0.50"],
    ["Accept-Language: de ; q=0.5 , EN;Q=1.0"],
  ],
  [false, "Accept-Language", ["Accept-Language: en, de"], ["Accept-Language: en, de;q=0.5"]],
  [false, "Accept-Language", ["Accept-Language: en"], ["Accept-Language: de"]],
  [true, "Accept-Encoding", ["Accept-Encoding: gzip, br"], ["Accept-Encoding: br,x-gzip"]],
  [false, "Accept-Encoding", ["Accept-Encoding: gzip"], ["Accept-Encoding: gzip;q=0"]],
  [false, "Accept-Encoding", ["Accept-Encoding: gzip"], []],
  [true, "Accept", ["Accept: text/html, */*;q=0.1"], ["Accept: */*;q=0.10,Text/HTML"]],
  [false, "Accept", ["Accept: text/html;level=1"], ["Accept: text/html"]],
];

test.for(pairs)("suits, %j: Vary: %s, %j then %j", ([matches, vary, first, second]) => {
  const answer = stored(["Cache-Control: max-age=9", `Vary: ${vary}`], 200, ask("GET", ...first));
  expect(matchesRequest(answer, ask("GET", ...second))).toBe(matches);
  const index = extendIndex(undefined, answer.vary, now);
  if (index === null) throw new Error("no index");
  const keys = [first, second].map((lines) => formatVariantKey("k", index, ask("GET", ...lines)));
  expect(keys[0] === keys[1]).toBe(matches);
});

test("an index takes in further names, with a new id, and stays the same otherwise", () => {
  const first = extendIndex(undefined, ["b"], 1);
  expect(extendIndex(first ?? undefined, ["b"], 2)).toBe(first);
  const second = extendIndex(first ?? undefined, ["a"], 2);
  expect(second).toEqual({ kind: "variants", vary: ["a", "b"], id: "2" });
  expect(extendIndex(second ?? undefined, ["b"], 3)).toBe(second);
});

test("an index and its keys have bounds", () => {
  const names = Array.from({ length: maxVaryNames }, (_, index) => `n${index}`);
  const index = extendIndex(undefined, names, 1);
  expect(index?.vary).toHaveLength(maxVaryNames);
  expect(extendIndex(index ?? undefined, ["more"], 2)).toBeNull();
  const foo = { kind: "variants", vary: ["foo"], id: "1" } as const;
  expect(formatVariantKey("k", foo, ask("GET", `Foo: ${"x".repeat(4200)}`))).toBeUndefined();
});

test("variants of another index are not found", () => {
  const head = ask("GET", "Foo: 1");
  const key = (id: string) => formatVariantKey("k", { kind: "variants", vary: ["foo"], id }, head);
  expect(key("1")).not.toBe(key("2"));
});
