/**
 * What a signal to an arbiter means to a gunicorn user, carried out by stackd: the arbiter only tells
 * of it, so that nothing is done behind the back of whoever keeps the numbers.
 */
import { assertNever, reportOf } from "@stack/base";
import type { ArbiterSignal } from "@stack/control";
import { scaleApp, stopServices } from "./changes.ts";
import type { Managed } from "./managed.ts";
import { reloadStack } from "./reload.ts";
import type { Stack } from "./stack.ts";

export type SignalDesk = (managed: Managed, signal: ArbiterSignal) => void;

/** @param exclusively of the clients: one change at a time */
export function createSignalDesk(
  stack: Stack,
  exclusively: <T>(name: string, change: () => Promise<T>) => Promise<T>,
): SignalDesk {
  /** Two in a row are two changes, one after the other. */
  let queue: Promise<void> = Promise.resolve();

  async function obey({ plan, instance }: Managed, signal: ArbiterSignal): Promise<void> {
    if (plan.kind !== "app") return;
    const app = plan.app.name;
    const scaleBy = (by: number): Promise<void> => {
      const isCommand = plan.app.kind === "command";
      const instances = stack.plans().filter((one) => one.kind === "app" && one.app.name === app);
      const now = isCommand ? instances.length : (instance?.view()?.desired ?? plan.app.workers);
      return exclusively("scale", () => scaleApp(stack, app, Math.max(1, now + by)));
    };
    switch (signal) {
      case "SIGHUP":
        return exclusively("reload", () => reloadStack(stack, { names: [app] }));
      case "SIGTTIN":
        return scaleBy(1);
      case "SIGTTOU":
        return scaleBy(-1);
      case "SIGUSR1":
        stack.setup.keeper.reopenLogs();
        return;
      case "SIGTERM":
      case "SIGQUIT":
        return exclusively("stop", () => stopServices(stack, [plan.name]));
      default:
        assertNever(signal);
    }
  }

  return (managed, signal) => {
    const { name } = managed.plan;
    // Whoever is being stopped gets TERM from us; nobody has to be told.
    if (stack.phase === "stopping" || managed.service.state().name !== "running") return;
    stack.note("info", name, `got ${signal}: ${meanings[signal]}`);
    queue = queue
      .then(() => obey(managed, signal))
      .catch((error: unknown) => {
        stack.note("warn", name, `${signal}: ${reportOf(error).title}`);
      });
  };
}

const meanings: Readonly<Record<ArbiterSignal, string>> = {
  SIGHUP: "reload",
  SIGTTIN: "one worker more",
  SIGTTOU: "one worker less",
  SIGUSR1: "log files are opened anew",
  SIGTERM: "stop",
  SIGQUIT: "stop at once",
};
