import { expect, test } from "vitest";
import {
  isOwnSocket,
  parseEdgeSocketName,
  workerId,
  workerKey,
  workerSocketName,
} from "./names.ts";

test("ids, keys and sockets have the form the contract gives them", () => {
  const id = workerId({ app: "shop", instance: 1 }, 2);
  expect(id).toBe("shop-1.2");
  expect(workerKey(id, 3, 17)).toBe("shop-1.2@3.17");
  expect(workerSocketName(1, 3, 17)).toBe("1-3-17.sock");
});

test.for([
  ["1.sock", false],
  ["1-3-17.sock", true],
  ["11.sock", false],
  ["11-3-17.sock", false],
  ["1.serial", false],
  ["2-1-1.sock", false],
] as const)("instance 1 owns %s: %s", ([file, own]) => {
  expect(isOwnSocket(1, file)).toBe(own);
});

test.for([
  ["edge-12.sock", 12],
  ["edge-.sock", undefined],
  ["shop", undefined],
] as const)("%s is of edge generation %s", ([file, generation]) => {
  expect(parseEdgeSocketName(file)).toBe(generation);
});
