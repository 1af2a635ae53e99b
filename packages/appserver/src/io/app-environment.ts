/** The environment of an app's processes: what stackd made for the app, and who they are. */
import { existsSync } from "node:fs";
import type { AppPlan } from "@stack/config";
import { cleanEnvironment } from "@stack/process";
import type { SourceContext } from "./worker-source.ts";

/**
 * @param worker "shop-1.2"; a zygote sets STACK_WORKER itself in each worker it forks
 */
export function appEnvironment(
  plan: AppPlan,
  context: Pick<SourceContext, "name" | "release">,
  worker?: string,
): Record<string, string> {
  return cleanEnvironment({
    ...plan.env,
    STACK_APP: context.name.app,
    STACK_INSTANCE: String(context.name.instance),
    STACK_RELEASE: context.release,
    STACK_WORKER: worker,
  });
}

/** Node says "spawn /bin/sh ENOENT" also when it is the working folder that is missing. */
export function describeSpawnFailure(cause: Error, cwd: string): string {
  return existsSync(cwd) ? cause.message : `the working folder ${cwd} does not exist`;
}
