import { expect, test } from "vitest";
import { findByFile, findByPath, type InternalRoute, keptFields } from "./internal-target.ts";

const route = (path: string, index: number, host: string | null = null): InternalRoute => ({
  host,
  path,
  isPrefix: true,
  roots: [`/srv/r${index}`, `/real/r${index}`],
  index,
});
const routes = [route("/files", 0), route("/files/deep", 1), route("/files", 2, "b.test")];

test.for([
  ["/files/a.txt", "a.test", 0, "a.txt"],
  ["/files/deep/a.txt", "a.test", 1, "a.txt"],
  ["/files/deeper/a.txt", "a.test", 0, "deeper/a.txt"],
  ["/files/a.txt", "b.test", 2, "a.txt"],
  ["/files/a.txt?x=1#y", "a.test", 0, "a.txt"],
  ["/files/a%20b.txt", "a.test", 0, "a b.txt"],
  ["/files/a b.txt", "a.test", 0, "a b.txt"],
  ["/files/\u00c3\u00bc.txt", "a.test", 0, "ü.txt"],
  ["/files/x/../a.txt", "a.test", 0, "a.txt"],
] as const)("%s at %s is a file of route %i", ([path, host, index, relative]) => {
  expect(findByPath(routes, host, path)).toEqual({ index, name: { relative, isFolder: false } });
});

test.for([
  "files/a.txt",
  "/other/a.txt",
  "/filesystem/a.txt",
  "/files/../../etc/passwd",
  "/files/%2e%2e/%2e%2e/etc/passwd",
  "/files/..%2f..%2fetc/passwd",
  "/files/.env",
  "/files/%00",
  "/files/%zz",
  "//files/a.txt",
  "",
])("%s is no file of an internal route", (path) => {
  expect(findByPath(routes, "a.test", path)).toBeUndefined();
});

test.for([
  ["/srv/r0/a.txt", 0, "a.txt"],
  ["/real/r1/x/a.txt", 1, "x/a.txt"],
  ["/srv/r0/a%20b.txt", 0, "a%20b.txt"],
  ["/srv/r0/\u00c3\u00bc.txt", 0, "ü.txt"],
] as const)("the file %s belongs to route %i", ([file, index, relative]) => {
  expect(findByFile(routes, file)).toEqual({ index, name: { relative, isFolder: false } });
});

test.for([
  "/srv/r0",
  "/srv/r0/",
  "/srv/r00/a.txt",
  "/srv/r0/../r9/a.txt",
  "/srv/r0/./a.txt",
  "/srv/r0/.env",
  "/srv/r0/x/.git/config",
  "/srv/r0//a.txt",
  "srv/r0/a.txt",
  "/etc/passwd",
])("the file %s belongs to no internal route", (file) => {
  expect(findByFile(routes, file)).toBeUndefined();
});

test("of the app's answer stays what says how to show and keep the file", () => {
  const fields =
    'Content-Type: image/png\r\nContent-Disposition: attachment; filename="a"\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Own: 1\r\nCache-Control: private\r\nETag: "app"\r\nContent-Encoding: gzip\r\nLast-Modified: x\r\n';
  expect(keptFields(fields)).toEqual({
    type: "Content-Type: image/png\r\n",
    lines:
      'Content-Disposition: attachment; filename="a"\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nCache-Control: private\r\n',
    hasLifetime: true,
  });
  expect(keptFields("Content-Type: \r\nX: Content-Type: y\r\n")).toEqual({
    type: "",
    lines: "",
    hasLifetime: false,
  });
});
