import { expect, test } from "vitest";
import { ownFrame } from "./stack-trace.ts";

const file = "/srv/my shop/deploy.config.ts";

test.for([
  ["    at boom (/srv/my shop/deploy.config.ts:5:9)", { line: 5, column: 9 }],
  ["    at /srv/my shop/deploy.config.ts:8:6", { line: 8, column: 6 }],
  ["    at file:///srv/my shop/deploy.config.ts:8:6", { line: 8, column: 6 }],
  ["    at async make (/srv/my shop/deploy.config.ts:2:1)", { line: 2, column: 1 }],
  ["    at async /srv/my shop/deploy.config.ts:2:1", { line: 2, column: 1 }],
  [
    "    at x (/srv/other.ts:1:1)\n    at y (/srv/my shop/deploy.config.ts:3:4)",
    { line: 3, column: 4 },
  ],
  ["    at x (/srv/other.ts:1:1)", undefined],
  ["", undefined],
] as const)("the author's line in %j", ([stack, expected]) => {
  expect(ownFrame(`Error: x\n${stack}`, file)).toEqual(expected);
});
