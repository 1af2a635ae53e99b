/** RFC 9651 §4.2.2, as far as cache directives need it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BareItem, parseDictionary } from "./structured-dictionary.ts";

const other = { kind: "other" } as const;

const valid: readonly (readonly [text: string, members: Readonly<Record<string, BareItem>>])[] = [
  ["", {}],
  ["   ", {}],
  ["a", { a: true }],
  ["a=?0, b=?1", { a: false, b: true }],
  ["a=1,b=-2 ,\tc=0", { a: 1, b: -2, c: 0 }],
  ["a=1, a=2", { a: 2 }],
  ["a=999999999999999", { a: 999999999999999 }],
  ["a=1.5", { a: other }],
  ['a="x\\"\\\\y"', { a: 'x"\\y' }],
  ["a=tok/en:*", { a: other }],
  ["a=:aGk=:", { a: other }],
  ["a=@1659578233", { a: other }],
  ['a=%"f%c3%bc"', { a: other }],
  ["a=(1 2), b=()", { a: other, b: other }],
  ['a=( 1  "x" );p;q=2, b', { a: other, b: true }],
  ["a;p=1;q, b=2; r=?0", { a: true, b: 2 }],
  ["*a-b_c.d1", { "*a-b_c.d1": true }],
];

test.for(valid)("%j is %j", ([text, members]) => {
  expect(Object.fromEntries(parseDictionary(text) ?? [["none", 0]])).toEqual(members);
});

test.for([
  "A",
  "1a",
  "a b",
  "a,",
  "a,,b",
  ",a",
  "a=",
  "a= 1",
  "a =1",
  "a=1234567890123456",
  "a=1.",
  "a=1.2345",
  "a=1234567890123.1",
  "a=--1",
  'a="x',
  'a="x\\y"',
  "a='x'",
  "a=(1,2)",
  'a=(1"x")',
  "a=(1",
  "a=((1))",
  "a;P",
  "a;p=",
  "a=:!:",
  "a=?2",
  "a=&",
  "a=1x",
  "a=1;",
  'a="\u00e9"',
])("%j is none", (text) => {
  expect(parseDictionary(text)).toBeUndefined();
});

test("nothing makes it throw or hang", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a1=?,;() \t"\\:@%-._*') }), (text) => {
      parseDictionary(text);
    }),
  );
});
