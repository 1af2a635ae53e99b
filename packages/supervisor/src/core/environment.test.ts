import { expect, test } from "vitest";
import { completePlan, serviceEnvironment } from "./environment.ts";

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

const app = {
  name: "api",
  cwd: "/srv",
  instances: 1,
  workers: 1,
  health: null,
  timeoutMs: 1,
  bootTimeoutMs: 1,
  drainTimeoutMs: 1,
  queueLimit: 1,
  queueTimeoutMs: 1,
  place: { file: "deploy.config.ts" },
};

test.for([
  ["production, when nobody says", {}, {}, "production"],
  ["the operator's", { NODE_ENV: "staging" }, {}, "staging"],
  ["what the config says", { NODE_ENV: "staging" }, { NODE_ENV: "test" }, "test"],
] as const)("NODE_ENV of a Node app is %s", ([, base, env, wanted]) => {
  const plan = { ...app, kind: "node", entry: "/srv/a.mjs", env } as const;
  expect(completePlan(plan, base, undefined).env["NODE_ENV"]).toBe(wanted);
});

test("an app of another kind gets no NODE_ENV of ours", () => {
  const plan = { ...app, kind: "command", command: ["serve"], env: {} } as const;
  expect(completePlan(plan, {}, undefined).env).toEqual({ STACK_APP: "api" });
});
