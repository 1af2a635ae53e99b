import type { AppPlan } from "@stack/config";
import { expect, test } from "vitest";
import { decideStuckMeasure } from "./stuck.ts";

test.for([
  [{ kind: "wsgi" }, "kill"],
  [{ kind: "wsgi", worker: "sync" }, "kill"],
  [{ kind: "wsgi", worker: "threads" }, "replace"],
  [{ kind: "wsgi", worker: "gevent" }, "ask"],
  [{ kind: "wsgi", worker: "eventlet" }, "ask"],
  [{ kind: "asgi" }, "ask"],
  [{ kind: "node" }, "ask"],
  [{ kind: "command" }, "kill"],
] as const)("a stuck request of %o: %s", ([plan, measure]) => {
  expect(decideStuckMeasure(plan as AppPlan)).toBe(measure);
});
