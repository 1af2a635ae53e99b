/** A source whose environment has variables from files: they are read when it starts, once for all its workers. */
import type { AppPlan } from "@stack/config";
import { readEnvFiles } from "@stack/process";
import type { WorkerSource } from "./worker-source.ts";

export function createEnvFileSource(
  plan: AppPlan,
  create: (plan: AppPlan) => WorkerSource,
): WorkerSource {
  let inner: WorkerSource | undefined;
  const source: WorkerSource = {
    async start() {
      const fromFiles = readEnvFiles(plan.envFiles ?? [], plan);
      inner = create({ ...plan, env: { ...plan.env, ...fromFiles, ...plan.envOver } });
      inner.onLost = (reason) => source.onLost(reason);
      await inner.start();
    },
    launch(spec, events) {
      if (inner === undefined) throw new Error("launched before it was started");
      return inner.launch(spec, events);
    },
    onLost: () => {},
    close: async () => inner?.close(),
  };
  return source;
}
