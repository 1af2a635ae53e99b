import { expect, test } from "vitest";
import { serviceEnvironment } from "./environment.ts";

test("a service gets the operator's environment, redis, and its own on top", () => {
  const env = serviceEnvironment({ PATH: "/bin", DEBUG: "1" }, "redis://r", { DEBUG: "0" });
  expect(env).toEqual({ PATH: "/bin", REDIS_URL: "redis://r", DEBUG: "0" });
});

test.for([
  ["/srv/stack/dist/.stack-code-cache", {}],
  ["/srv/mine", { NODE_COMPILE_CACHE: "/srv/mine" }],
] as const)("the code cache %s is passed on only when it is the operator's", ([folder, env]) => {
  expect(serviceEnvironment({ NODE_COMPILE_CACHE: folder }, undefined, {})).toEqual(env);
});
