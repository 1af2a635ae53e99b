import { expect, test } from "vitest";
import { asksForHtml, createErrorPages } from "./error-pages.ts";

test("a page says what happened and what to do, as plain text", () => {
  const page = createErrorPages().page(503, "no worker became free in 30s", false, 1.2);
  expect(page).toEqual({
    phrase: "Service Unavailable",
    fields:
      "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nRetry-After: 2\r\n",
    body: "503 Service Unavailable\nThe server is busy or being restarted. Please try again in a moment.\nReason: no worker became free in 30s.\n",
  });
});

test("a page for browsers is a whole document, its reason escaped", () => {
  const page = createErrorPages().page(502, "<b>&", true);
  expect(page.fields).toContain("Content-Type: text/html; charset=utf-8\r\n");
  expect(page.fields).not.toContain("Retry-After");
  expect(page.body).toContain("<title>502 Bad Gateway</title>");
  expect(page.body).toContain("Reason: &#60;b&#62;&#38;.");
});

test("a page is made once", () => {
  const pages = createErrorPages();
  expect(pages.page(404, "", false)).toBe(pages.page(404, "", false));
  expect(pages.page(404, "", true)).not.toBe(pages.page(404, "", false));
});

test("a status without a text of its own is answered honestly", () => {
  const pages = createErrorPages();
  expect(pages.page(499, "", false).body).toBe(
    "499 Error\nThis request cannot be answered as it was sent.\n",
  );
  expect(pages.page(599, "", false).body).toMatch(/^599 Server Error\n/);
});

test.for<readonly [string | undefined, boolean]>([
  [undefined, false],
  ["", false],
  ["*/*", false],
  ["text/*", false],
  ["application/json", false],
  ["text/html", true],
  ["TEXT/HTML", true],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true],
  ["application/json, text/html;q=0.5", true],
  ["text/html;level=1", true],
  ["text/html;q=0", false],
  ["text/html;q=0.0, */*", false],
  ["text/html;q=0.01", true],
  ["text/htmlx", false],
  ["xtext/html", false],
])("Accept %s asks for HTML: %s", ([accept, expected]) => {
  expect(asksForHtml(accept)).toBe(expected);
});
