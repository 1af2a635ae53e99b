import { expect, test } from "vitest";
import { asksForHtml } from "../error-pages.ts";
import { type FailureAsker, maySeeFailure } from "./failure-viewer.ts";

const developer: FailureAsker = {
  method: "GET",
  accept: "text/html,application/xhtml+xml,*/*;q=0.8",
  host: "localhost:8080",
  addresses: ["127.0.0.1", "127.0.0.1"],
  proxied: false,
};

const cases: readonly (readonly [why: string, changes: Partial<FailureAsker>, sees: boolean])[] = [
  ["a browser on this machine", {}, true],
  ["by address", { host: "127.0.0.1:8080" }, true],
  ["over IPv6", { host: "[::1]:8080", addresses: ["::1", "::1"] }, true],
  ["a name below localhost", { host: "shop.localhost" }, true],
  ["a program that wants JSON", { accept: "application/json" }, false],
  ["a program that says nothing", { accept: undefined }, false],
  ["a form", { method: "POST" }, false],
  ["another machine", { addresses: ["192.0.2.7", "192.0.2.7"] }, false],
  ["a proxy on this machine that says for whom", { addresses: ["127.0.0.1", "192.0.2.7"] }, false],
  ["a proxy on this machine", { proxied: true }, false],
  ["a name turned to this machine", { host: "evil.example" }, false],
  ["a name that looks like ours", { host: "127.0.0.1.evil.example" }, false],
  ["no name", { host: undefined }, false],
];

test.each(cases)("%s", (_why, changes, sees) => {
  expect(maySeeFailure({ ...developer, ...changes }, asksForHtml)).toBe(sees);
});
