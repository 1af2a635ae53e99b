import { expect, test } from "vitest";
import { searchPath } from "./search-path.ts";

test.for([
  [undefined, []],
  ["", []],
  ["/usr/bin:/bin", ["/usr/bin", "/bin"]],
  ["/a/node_modules/.bin:/node_modules/.bin/:/usr/bin", ["/usr/bin"]],
  ["/x/node_modules/@npmcli/run-script/lib/node-gyp-bin:/usr/bin::", ["/usr/bin"]],
] as const)("of %j the folders %j are searched", ([path, folders]) => {
  expect(searchPath(path)).toEqual(folders);
});
