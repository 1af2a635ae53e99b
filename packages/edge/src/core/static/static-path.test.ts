import fc from "fast-check";
import { expect, test } from "vitest";
import { decideStaticName } from "./static-path.ts";

test.for<readonly [path: string, prefix: string, relative: string, isFolder: boolean]>([
  ["/", "", "", true],
  ["/static", "/static", "", false],
  ["/static/", "/static", "", true],
  ["/static/css/site.css", "/static", "css/site.css", false],
  ["/static/css/", "/static", "css", true],
  ["/a%20b/%C3%BC.txt", "", "a b/ü.txt", false],
  ["/\u00c3\u00bc.txt", "", "ü.txt", false],
  ["/100%25.txt", "", "100%.txt", false],
  ["/a..b/c.", "", "a..b/c.", false],
])("%s below %s is %s", ([path, prefix, relative, isFolder]) => {
  expect(decideStaticName(path, prefix.length)).toEqual({ relative, isFolder });
});

test.for([
  "/.env",
  "/.git/config",
  "/a/.hidden/b",
  "/..",
  "/../etc/passwd",
  "/%2E%2E/etc/passwd",
  "/%2e%2e%2fetc/passwd",
  "/%2eenv",
  "/a%2Fb",
  "/a%2fb",
  "/a%5Cb",
  "/a\\b",
  "/a%00.txt",
  "/a\0b",
  "//a",
  "/a//b",
  "/a//",
  "//",
  "/%FF.txt",
  "/\u00ff.txt",
  "/%",
  "/%zz",
  "*",
])("%s is no name of a file", (path) => {
  expect(decideStaticName(path, 0)).toBeUndefined();
});

test("no path leads out of the root or to a hidden name", () => {
  const piece = fc.constantFrom("..", ".", "/", "%2e", "%2F", "%5c", "a", "%00", "\\", "%", "é");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const name = decideStaticName(`/${pieces.join("")}`, 0);
      if (name === undefined || name.relative === "") return;
      for (const segment of name.relative.split("/")) {
        expect(segment).toMatch(/^[^./\\\0][^/\\\0]*$/);
      }
    }),
  );
});
