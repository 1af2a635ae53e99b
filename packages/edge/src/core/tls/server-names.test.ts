import { expect, test } from "vitest";
import { buildNameTable, chooseCertificate, namesOf } from "./server-names.ts";

const table = buildNameTable([
  ["first.test"],
  ["second.test", "*.Wild.test"],
  ["exact.wild.test", "second.test"],
]);

test.for([
  ["first.test", 0],
  ["second.test", 1],
  ["SECOND.TEST", 1],
  ["a.wild.test", 1],
  ["exact.wild.test", 2],
  ["wild.test", 0],
  ["a.b.wild.test", 0],
  ["unknown.test", 0],
  ["", 0],
] as const)("%s is served by certificate %i", ([name, index]) => {
  expect(chooseCertificate(table, name)).toBe(index);
});

test.for([
  ["DNS:a.test, DNS:*.b.test, IP Address:127.0.0.1", "CN=c.test", ["a.test", "*.b.test"]],
  ["IP Address:127.0.0.1", "CN=c.test", []],
  [undefined, "O=Shop\nCN=c.test", ["c.test"]],
  [undefined, undefined, []],
] as const)("a certificate with %j and %j has the names %j", ([alternative, subject, names]) => {
  expect(namesOf(alternative, subject)).toEqual(names);
});
