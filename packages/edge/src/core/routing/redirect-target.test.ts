import fc from "fast-check";
import { expect, test } from "vitest";
import { createRedirectTarget } from "./redirect-target.ts";

const request = { host: "old.test", port: 0, path: "/a/b", query: "x=1&y=2", hasQuery: true };

test.for([
  ["https://new.test{path}", {}, "https://new.test/a/b"],
  ["https://new.test{path}{query}", {}, "https://new.test/a/b?x=1&y=2"],
  ["https://new.test{path}{query}", { hasQuery: false, query: "" }, "https://new.test/a/b"],
  ["https://new.test/{query}", { query: "" }, "https://new.test/?"],
  ["https://{host}{path}", {}, "https://old.test/a/b"],
  ["https://{host}{path}", { port: 8443 }, "https://old.test:8443/a/b"],
  ["/moved", {}, "/moved"],
  ["/x/{other}", {}, "/x/%7Bother%7D"],
  ["https://new.test/ü", {}, "https://new.test/%C3%BC"],
  ["https://new.test/100%25{path}", { path: "/\u00fc" }, "https://new.test/100%25/%FC"],
  ["https://new.test/€", {}, "https://new.test/%E2%82%AC"],
  // No host of the client's choosing.
  ["{path}", { path: "//evil.test/x" }, "/evil.test/x"],
  ["{path}", { path: "/\\evil.test/x" }, "/%5Cevil.test/x"],
  ["//cdn.test{path}", {}, "//cdn.test/a/b"],
  // No header line of the client's making.
  [
    "https://new.test{path}",
    { path: "/a\r\nSet-Cookie: x=1" },
    "https://new.test/a%0D%0ASet-Cookie:%20x=1",
  ],
  ["https://new.test/{query}", { query: "a\n\0b" }, "https://new.test/?a%0A%00b"],
  ["https://new.test{path}", { path: "/100%25/<x>" }, "https://new.test/100%25/%3Cx%3E"],
] as const)("%s with %j redirects to %s", ([template, changes, expected]) => {
  expect(createRedirectTarget(template)({ ...request, ...changes })).toBe(expected);
});

test("no bytes of a client end the header line", () => {
  const target = createRedirectTarget("https://{host}{path}{query}");
  const bytes = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(bytes, bytes, bytes, (host, path, query) => {
      expect(target({ ...request, host, path, query })).toMatch(/^[!-~]+$/);
    }),
  );
});
