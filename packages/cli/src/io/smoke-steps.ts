/** The steps of `stack smoke` against a stack that runs: its checks, then a worker and an edge killed. */
import type { ResolvedConfig, SmokeCheck } from "@stack/config";
import type { StatusData } from "@stack/control";
import { type Judgement, judgeAnswer } from "../core/judge-answer.ts";
import type { SmokeStep } from "../core/smoke-report.ts";
import { ask } from "./ask.ts";
import type { StartedStack } from "./start-stack.ts";

/** Ready services may still be warming up; what was killed gets longer. */
const checkPatienceMs = 5_000;
const comebackPatienceMs = 30_000;
const pauseMs = 50;

export interface SmokeRun {
  readonly config: ResolvedConfig;
  readonly stack: StartedStack;
  /** The whole run is over: `--timeout`, or a signal. */
  readonly signal: AbortSignal;
}

export async function runChecks(run: SmokeRun): Promise<SmokeStep[]> {
  const steps: SmokeStep[] = [];
  for (const check of checksOf(run.config)) {
    steps.push(
      await step(`GET ${check.host ?? ""}${check.path}`, () =>
        untilGood(run, checkPatienceMs, () => tryCheck(run, check)),
      ),
    );
  }
  return steps;
}

/** SIGKILL to the first worker there is; another must take its place, and the port answer. */
export async function killWorker(run: SmokeRun): Promise<SmokeStep | undefined> {
  const workers = (run.stack.status()?.apps ?? []).flatMap((app) => app.workers);
  const victim = workers.find(({ pid, state }) => pid !== null && state === "ready");
  if (victim === undefined || victim.pid === null) return undefined;
  const { id, pid } = victim;
  return step(`kill -9 worker ${id}`, async () => {
    process.kill(pid, "SIGKILL");
    return comeBack(run, id, pid, (status) =>
      status.apps.flatMap((app) => app.workers).find((worker) => worker.id === id),
    );
  });
}

export async function killEdge(run: SmokeRun): Promise<SmokeStep | undefined> {
  const edge = run.stack
    .status()
    ?.processes.find(({ kind, pid }) => kind === "edge" && pid !== null);
  if (edge === undefined || edge.pid === null) return undefined;
  const { name, pid } = edge;
  return step(`kill -9 ${name}`, async () => {
    process.kill(pid, "SIGKILL");
    return comeBack(run, name, pid, (status) =>
      status.processes.find(
        (process) => process.kind === "edge" && process.pid !== pid && process.state === "ready",
      ),
    );
  });
}

async function comeBack(
  run: SmokeRun,
  name: string,
  oldPid: number,
  find: (status: StatusData) => { readonly pid: number | null; readonly state: string } | undefined,
): Promise<Judgement> {
  return untilGood(run, comebackPatienceMs, async () => {
    const status = run.stack.status();
    const now = status === null ? undefined : find(status);
    if (now === undefined || now.pid === oldPid || now.state !== "ready") {
      return { ok: false, detail: `${name} (pid ${oldPid}) did not come back` };
    }
    const answered = await portAnswers(run);
    if (!answered.ok)
      return { ok: false, detail: `back as pid ${now.pid}, but ${answered.detail}` };
    return { ok: true, detail: `back as pid ${now.pid}, the port answers` };
  });
}

/** The declared ones; with none of them, the port must answer something that is no error of ours. */
function checksOf(config: ResolvedConfig): readonly SmokeCheck[] {
  if (config.smoke.length > 0) return config.smoke;
  const first = config.edge.plan.routes.find((route) => route.action.kind !== "redirect");
  if (first === undefined) return [];
  return [{ path: first.path, host: first.host, status: 200, contains: null }];
}

/** Anything but an error of the edge will do: whether it is the right answer, the checks have said. */
async function portAnswers(run: SmokeRun): Promise<Judgement> {
  const [check] = checksOf(run.config);
  const url = publicUrl(run);
  if (check === undefined || url === undefined) return { ok: true, detail: "" };
  try {
    const { status } = await ask(url, check.path, check.host);
    return { ok: ![502, 503, 504].includes(status), detail: `the port answers ${status}` };
  } catch (error) {
    return { ok: false, detail: `no answer: ${(error as Error).message}` };
  }
}

/** A listener for plain HTTP may only send on to the one with TLS. */
function publicUrl(run: SmokeRun): string | undefined {
  const urls = run.stack.status()?.edge?.urls ?? [];
  return (
    urls.find((url) => url.startsWith("https:")) ??
    urls.find((url) => !/^(?:uwsgi|fastcgi|scgi):/.test(url))
  );
}

async function tryCheck(run: SmokeRun, check: SmokeCheck): Promise<Judgement> {
  const url = publicUrl(run);
  if (url === undefined) return { ok: false, detail: "the edge listens nowhere" };
  try {
    return judgeAnswer(check, await ask(url, check.path, check.host));
  } catch (error) {
    return { ok: false, detail: `no answer: ${(error as Error).message}` };
  }
}

async function untilGood(
  run: SmokeRun,
  patienceMs: number,
  attempt: () => Promise<Judgement>,
): Promise<Judgement> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const judged = await attempt();
    if (judged.ok || performance.now() > end || run.signal.aborted) return judged;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

export async function step(name: string, body: () => Promise<Judgement>): Promise<SmokeStep> {
  const startedMs = performance.now();
  const { ok, detail } = await body();
  return { name, ok, detail, tookMs: Math.round(performance.now() - startedMs) };
}
