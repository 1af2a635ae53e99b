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
  ["/a%20b/%C3%A9.php", "/a b/\xc3\xa9.php", ""],
  ["/a.php/b%2Fc//%20", "/a.php", "/b/c// "],
  ["/a;b.php", "/a;b.php", ""],
])("%j is the script %j with path info %j", (path, scriptName, pathInfo) => {
  expect(splitScriptPath(path, "index.php")).toEqual({ scriptName, pathInfo });
});

test.each([
  ["/a"],
  ["/a.php.png"],
  ["/a.phpx"],
  ["/.php"],
  ["/a.PHP"],
  ["/.php/x.php"],
  ["/.git/x.php"],
  ["/.git/"],
  ["/...php/x"],
  ["//admin/x.php"],
  ["/admin//x.php"],
  ["/admin//"],
  ["/admin%2Fx.php"],
  ["/admin%2fx.php"],
  ["/admin%2F/"],
  ["/admin%5Cx.php"],
  ["/index.php%2Ffoo"],
  ["/a%00.php"],
  ["/../a.php"],
  ["/a/../../b.php"],
  ["/./a.php"],
  ["/a\\..\\b.php"],
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

test("no path leads elsewhere than its segments say", () => {
  const segment = fc.constantFrom("a", "..", ".", "x.php", ".php", "", "b.png", "%2F", "a%5C..");
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const path = `/${segments.join("/")}`;
      const found = splitScriptPath(path, "index.php");
      if (found === undefined) return;
      expect(found.scriptName).toMatch(/^(?:\/[^/.\\][^/\\]*)+\.php$/);
      expect([path, `${path}index.php`]).toContainEqual(
        expect.stringMatching(new RegExp(`^${found.scriptName}`)),
      );
    }),
  );
});
