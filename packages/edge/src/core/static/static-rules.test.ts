import { expect, test } from "vitest";
import { decideStaticName } from "./static-path.ts";
import { compileStaticRules, plainSettings } from "./static-rules.ts";

const shown = (tryFiles: readonly string[], path: string): readonly string[] => {
  const name = decideStaticName(path, 0);
  if (name === undefined) throw new Error(`${path} has no name`);
  return compileStaticRules({ ...plainSettings, tryFiles })
    .candidates(name)
    .map((it) => `${it.relative}${it.isFolder ? "/" : ""}${it.isFixed ? " fixed" : ""}`);
};

test.for([
  ["/a/b", [], ["a/b"]],
  ["/a/b/", [], ["a/b/"]],
  ["/a/b", ["{path}", "{path}.html", "{path}/"], ["a/b", "a/b.html", "a/b/"]],
  ["/a/b", ["/{path}", "/x/{path}", "/app.html"], ["a/b", "x/a/b", "app.html fixed"]],
  ["/a/b/", ["{path}", "{path}.html", "{path}/"], ["a/b/", "a/b/"]],
  ["/", ["{path}", "{path}.html", "{path}/"], ["/", "/"]],
  ["/$&$1", ["{path}.x"], ["$&$1.x"]],
  ["/a", ["/.well-known/{path}"], [".well-known/a"]],
] as const)("%s tried as %j is %j", ([path, tryFiles, candidates]) => {
  expect(shown(tryFiles, path)).toEqual(candidates);
});

test("types are looked up by extension, the route's own first", () => {
  const { typeOf } = compileStaticRules({
    ...plainSettings,
    types: { md: "text/x-md", gltf: "model/gltf+json" },
  });
  expect(typeOf("a.b/README.MD")).toBe("text/x-md");
  expect(typeOf("x.gltf")).toBe("model/gltf+json");
  expect(typeOf("x.css")).toBe("text/css; charset=utf-8");
  expect(typeOf("a.css/x")).toBe("application/octet-stream");
});

test("header lines say how long a copy may be used, but not of a fallback", () => {
  const headers = { "X-A": "1", "Cache-Control": "public" };
  const short = compileStaticRules({ ...plainSettings, headers });
  expect(short.lines).toBe("X-A: 1\r\nCache-Control: public\r\n");
  expect(short.fallbackLines).toBe("Cache-Control: no-cache\r\nX-A: 1\r\n");
  const long = { ...plainSettings, maxAgeMs: 31_536_000_000, immutable: true };
  expect(compileStaticRules(long).lines).toBe("Cache-Control: max-age=31536000, immutable\r\n");
});
