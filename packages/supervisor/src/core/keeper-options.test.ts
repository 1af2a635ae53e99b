import { expect, test } from "vitest";
import {
  formatKeeperArguments,
  type KeeperOptions,
  parseKeeperArguments,
} from "./keeper-options.ts";

const flags = {
  freePorts: false,
  owned: false,
  watch: false,
  answer: false,
  evaluated: false,
};
const least = { config: "/srv/shop/deploy.config.ts", edge: "/e.js", arbiter: "/a.js", ...flags };

test.for<[title: string, options: KeeperOptions]>([
  ["the least", least],
  ["a port and a state folder", { ...least, port: 8081, state: "/tmp/with space" }],
  [
    "every flag",
    { ...least, freePorts: true, owned: true, watch: true, answer: true, evaluated: true },
  ],
])("%s is read as it was written", ([, options]) => {
  expect(parseKeeperArguments(formatKeeperArguments(options))).toEqual(options);
});

test("anything else is refused", () => {
  expect(() => parseKeeperArguments(["--config", "/x"])).toThrow(/not the arguments of a keeper/);
});
