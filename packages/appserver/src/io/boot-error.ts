/** The errors of a generation that did not become ready, from what was seen of its workers. */
import type { StackError } from "@stack/base";
import type { AppPlan } from "@stack/config";
import { cannotStart } from "@stack/process";
import { describeHealth } from "../core/health-tally.ts";
import { bootTimeout, crashLoop, healthFailing } from "../errors.ts";
import type { Worker, WorkerOutcome } from "./worker.ts";

/** E3202 when a worker answered its health check badly, else E3201. */
export function bootError(plan: AppPlan, booting: readonly Worker[]): StackError {
  const { name: app, bootTimeoutMs: timeoutMs, place, health } = plan;
  for (const worker of booting) {
    const answer = worker.lastHealth();
    if (answer === undefined || health === null) continue;
    return healthFailing({
      app,
      path: health,
      worker: worker.spec.id,
      answer: describeHealth(answer),
      timeoutMs,
      place,
    });
  }
  const facts = booting.slice(0, 2).map((worker) => describeBooting(plan, worker));
  return bootTimeout({
    app,
    timeoutMs,
    facts: facts.length > 0 ? facts : [importing(plan)],
    place,
  });
}

function describeBooting(plan: AppPlan, worker: Worker): string {
  const { pid } = worker.view();
  const who = `${worker.spec.id} (pid ${pid ?? "none yet"})`;
  if (worker.listening()) return `${who} listens, but GET ${plan.health} has no answer yet`;
  return plan.kind === "command"
    ? `${who} runs, but ${missingSign(plan)}`
    : `${who} runs, but has not finished importing the app`;
}

function importing(plan: AppPlan): string {
  return plan.kind === "wsgi" || plan.kind === "asgi"
    ? `still importing ${plan.app}`
    : "no worker has started";
}

function missingSign({ command, readyLog }: Extract<AppPlan, { kind: "command" }>): string {
  const isOnSocket = command.some((part) => part.includes("{socket}"));
  const missing = isOnSocket
    ? "nothing accepts connections on the {socket} it was given"
    : "nothing accepts connections on the PORT it was given: does it listen on $PORT?";
  return readyLog === undefined ? missing : `${missing} Or it has not said "${readyLog}"`;
}

export function crashLoopError(
  plan: AppPlan,
  worker: string,
  failures: number,
  withinMs: number,
  { reason }: WorkerOutcome,
): StackError {
  const { name: app, place } = plan;
  return crashLoop({ app, worker, failures, withinMs, reason, facts: [], place });
}

export function zygoteLost(plan: AppPlan, reason: string): StackError {
  const { name: app, place } = plan;
  return cannotStart({
    name: app,
    what: "its workers",
    reason: `the zygote ended (${reason})`,
    key: `apps.${app}`,
    place,
  });
}
