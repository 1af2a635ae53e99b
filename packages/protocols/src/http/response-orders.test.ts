import { expect, test } from "vitest";
import { parseResponseHead, parseWorkerHead } from "./parse-response.ts";
import { createResponseHead } from "./response-head.ts";

const limits = { headerBytes: 8192, headerCount: 100 };

test("orders to the edge are told apart from what is passed on", () => {
  const head = createResponseHead();
  const lines = "X-A: 1\r\nX-Accel-Redirect: /files/a\r\nx-sendfile: /srv/b\r\nX-B: 2\r\n";
  const text = `HTTP/1.1 200 OK\r\n${lines}\r\n`;
  expect(parseResponseHead(text, 0, text.length, limits, "GET", head)).toBe(0);
  expect(head.orders).toBe("X-Accel-Redirect: /files/a\r\nx-sendfile: /srv/b\r\n");
  expect(head.forwardable).toBe("X-A: 1\r\nX-B: 2\r\n");
});

test("the next answer has none of the last one's orders", () => {
  const head = createResponseHead();
  expect(parseWorkerHead("200 OK\r\nX-Accel-Redirect: /a\r\n", limits, "GET", head)).toBe(0);
  expect(head.orders).toBe("X-Accel-Redirect: /a\r\n");
  expect(parseWorkerHead("200 OK\r\nX-A: /a\r\n", limits, "GET", head)).toBe(0);
  expect(head.orders).toBe("");
});
