import { expect, test } from "vitest";
import { cleanEnvironment } from "./environment.ts";

test("what npm and npx added is taken out, the operator's own stays", () => {
  const env = {
    HOME: "/home/deploy",
    PATH: "/srv/shop/node_modules/.bin:/srv/node_modules/.bin:/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:/usr/local/bin:/usr/bin",
    npm_config_cache: "/home/deploy/.npm",
    npm_lifecycle_event: "npx",
    INIT_CWD: "/srv/shop",
    NODE_CHANNEL_FD: "4",
    NODE_ENV: "production",
    UNSET: undefined,
  };
  expect(cleanEnvironment(env)).toEqual({
    HOME: "/home/deploy",
    PATH: "/usr/local/bin:/usr/bin",
    NODE_ENV: "production",
  });
});
