import { expect, test } from "vitest";
import { resolveUpgrade } from "./upgrades.ts";

const apps = {
  wsgi: { kind: "wsgi" },
  asgi: { kind: "asgi" },
  node: { kind: "node" },
  command: { kind: "command" },
};
const upstreams = { http: { protocol: "http" }, php: { protocol: "fastcgi" } };

test.each([
  [{ app: "wsgi" }, undefined],
  [{ app: "asgi" }, ["websocket"]],
  [{ app: "node" }, ["websocket"]],
  [{ app: "command" }, ["websocket"]],
  [{ app: "node", upgrade: false as const }, undefined],
  [{ app: "node", upgrade: ["chat"] }, ["chat"]],
  [{ upstream: "http" }, ["websocket"]],
  [{ upstream: "php" }, undefined],
  [{}, undefined],
])("a route %j allows %j", (route, upgrade) => {
  expect(resolveUpgrade(route, apps, upstreams).upgrade).toEqual(upgrade);
});
