import { expect, test, vi } from "vitest";
import { createRedirectBackend, createRespondBackend } from "../src/io/fixed-answers.ts";
import { type FakeOptions, fakeExchange } from "./fixtures/fake-exchange.ts";

function respond(status: number, body: string, options: FakeOptions = {}) {
  const exchange = fakeExchange("/", options);
  createRespondBackend({
    kind: "respond",
    status,
    body,
    type: "text/plain; charset=utf-8",
  }).handle(exchange);
  return exchange;
}

test("respond answers what the route says, in UTF-8", () => {
  const exchange = respond(200, "grüße\n");
  expect(Buffer.concat(exchange.got.pieces).toString("utf8")).toBe("grüße\n");
  expect(exchange.field("Content-Length")).toBe("8");
  expect(exchange.field("Content-Type")).toBe("text/plain; charset=utf-8");
  expect(exchange.got.status).toBe(200);
});

test.for([204, 304])("respond with %s has no body and no type", (status) => {
  const exchange = respond(status, "ignored");
  expect(exchange.text()).toBe("");
  expect(exchange.got.status).toBe(status);
  expect(exchange.field("Content-Type")).toBeUndefined();
});

test("the Date of a fixed answer goes with the clock", () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const backend = createRespondBackend({ kind: "respond", status: 200, body: "", type: "x/y" });
  const dates = ["2026-11-22T10:00:00.500Z", "2026-11-22T10:00:01.500Z"].map((time) => {
    vi.setSystemTime(new Date(time));
    const exchange = fakeExchange("/");
    backend.handle(exchange);
    return exchange.field("Date");
  });
  vi.useRealTimers();
  expect(dates).toEqual(["Sun, 22 Nov 2026 10:00:00 GMT", "Sun, 22 Nov 2026 10:00:01 GMT"]);
});

test("redirect fills in its template and says where in the body too", () => {
  const exchange = fakeExchange("/a/b?x=1", { host: "old.test:8080", method: "POST", body: "x" });
  createRedirectBackend({
    kind: "redirect",
    to: "https://{host}{path}{query}",
    status: 308,
  }).handle(exchange);
  expect(exchange.got).toMatchObject({ status: 308, reason: "Permanent Redirect" });
  expect(exchange.field("Location")).toBe("https://old.test:8080/a/b?x=1");
  expect(exchange.text()).toContain("https://old.test:8080/a/b?x=1");
});

test("a path that looks like a host stays on this one", () => {
  const exchange = fakeExchange("//evil.test/x");
  createRedirectBackend({ kind: "redirect", to: "{path}", status: 302 }).handle(exchange);
  expect(exchange.field("Location")).toBe("/evil.test/x");
});
