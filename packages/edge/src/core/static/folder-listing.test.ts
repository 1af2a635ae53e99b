import { expect, test } from "vitest";
import { asksForJson, formatListingHtml, formatListingJson } from "./folder-listing.ts";

const entry = (name: string, isFolder = false) => ({ name, isFolder, size: 5, mtimeMs: 0 });

test("names cannot leave the place they are shown in", () => {
  const name = `"><script>alert(1)</script>&'`;
  const page = formatListingHtml(
    { entries: [entry(name), entry("javascript:alert(1)")], isCut: false },
    "/<b>/",
  );
  expect(page).not.toMatch(/<script|<b>|href="javascript/);
  expect(page).toContain("Index of /&#60;b&#62;/");
  expect(page).toContain('href="./javascript%3Aalert(1)"');
});

test("a folder's link ends in a slash; what cannot stand in a link is encoded", () => {
  const page = formatListingHtml({ entries: [entry("ü ?#%", true)], isCut: true }, "/");
  expect(page).toContain('<a href="./%C3%BC%20%3F%23%25/">ü ?#%/</a>');
  expect(page).toContain("Only the first 1 names are shown");
  expect(page).not.toContain("../");
});

test("JSON has the keys of nginx", () => {
  const text = formatListingJson({ entries: [entry("d", true), entry("f")], isCut: false });
  expect(JSON.parse(text)).toEqual([
    { name: "d", type: "directory", mtime: "Thu, 01 Jan 1970 00:00:00 GMT" },
    { name: "f", type: "file", mtime: "Thu, 01 Jan 1970 00:00:00 GMT", size: 5 },
  ]);
});

test.for([
  [undefined, false],
  ["*/*", false],
  ["application/json", true],
  ["application/json;q=0.9, */*", true],
  ["application/json;q=0", false],
  ["text/html,application/json", false],
] as const)("Accept: %s is JSON: %s", ([accept, json]) => {
  expect(asksForJson(accept)).toBe(json);
});
