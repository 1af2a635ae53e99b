/** Which source makes the workers of a plan. */
import { assertNever } from "@stack/base";
import type { AppPlan } from "@stack/config";
import { createCommandSource } from "./command-source.ts";
import { createEnvFileSource } from "./env-file-source.ts";
import { createNodeSource } from "./node-source.ts";
import { createPythonSource } from "./python-source.ts";
import type { SourceContext, WorkerSource } from "./worker-source.ts";

export function sourceOf(plan: AppPlan, context: SourceContext): WorkerSource {
  return plan.envFiles === undefined
    ? create(plan, context)
    : createEnvFileSource(plan, (complete) => create(complete, context));
}

function create(plan: AppPlan, context: SourceContext): WorkerSource {
  switch (plan.kind) {
    case "wsgi":
    case "asgi":
      return createPythonSource(plan, context);
    case "node":
      return createNodeSource(plan, context);
    case "command":
      return createCommandSource(plan, context);
    default:
      return assertNever(plan);
  }
}
