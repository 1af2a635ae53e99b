import fc from "fast-check";
import { expect, test } from "vitest";
import { splitScriptPath } from "./script-path.ts";

test.each([
  ["/index.php", "/index.php", ""],
  ["/index.php/", "/index.php", "/"],
  ["/index.php/foo/bar", "/index.php", "/foo/bar"],
  ["/a.php/b/c.php", "/a.php", "/b/c.php"],
  ["/a.php.png/x.php", "/a.php.png/x.php", ""],
  ["/avatar.png/x.php", "/avatar.png/x.php", ""],
  ["/", "/index.php", ""],
  ["/blog/", "/blog/index.php", ""],
  ["/.php/x.php", "/.php/x.php", ""],
  ["/a b/\xe9.php", "/a b/\xe9.php", ""],
  ["/...php/x", "/...php", "/x"],
])("%j is the script %j with path info %j", (path, scriptName, pathInfo) => {
  expect(splitScriptPath(path, "index.php")).toEqual({ scriptName, pathInfo });
});

test.each([
  ["/a"],
  ["/a.php.png"],
  ["/a.phpx"],
  ["/.php"],
  ["/a.PHP"],
  ["/../a.php"],
  ["/a/../../b.php"],
  ["/a.php/.."],
  ["/./a.php"],
  ["/a\\..\\b.php"],
  ["/a.php\0.png"],
  ["a.php"],
  ["*"],
  [""],
])("%j names no script", (path) => {
  expect(splitScriptPath(path, "index.php")).toBeUndefined();
});

test("another extension has scripts of its own", () => {
  expect(splitScriptPath("/a.pl/x.php", "i.pl", ".pl")).toEqual({
    scriptName: "/a.pl",
    pathInfo: "/x.php",
  });
});

test("no path leads out of the root, and both parts together are the path", () => {
  const segment = fc.constantFrom("a", "..", ".", "x.php", ".php", "", "b.png", "\\..", "\0");
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const path = `/${segments.join("/")}`;
      const found = splitScriptPath(path, "index.php");
      if (found === undefined) return;
      expect(found.scriptName).toMatch(/[^/]\.php$/);
      expect(found.scriptName.split("/").filter((part) => part === "..")).toEqual([]);
      expect([path, `${path}index.php`]).toContain(found.scriptName + found.pathInfo);
    }),
  );
});
