/** `stack smoke`: for CI. Starts on free ports with a state of its own, checks, kills, stops, reports. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { exitCodes, reportOf } from "@stack/base";
import type { ResolvedConfig } from "@stack/config";
import { resolveStatePaths } from "@stack/control";
import { sanitizeLine } from "@stack/dashboard";
import { formatJunit, formatSteps, type SmokeStep } from "../core/smoke-report.ts";
import { smokeFailed, timedOut } from "../errors.ts";
import { readGuiltyLines } from "../io/guilty-lines.ts";
import { createSeenProcesses, leftFiles } from "../io/leftovers.ts";
import { loadConfig } from "../io/load-config.ts";
import {
  createSession,
  findStack,
  type Invocation,
  type Session,
  type StackPlace,
} from "../io/session.ts";
import { onEnding } from "../io/signals.ts";
import { killEdge, killWorker, runChecks, type SmokeRun, step } from "../io/smoke-steps.ts";
import { startStack, waitUntilReady } from "../io/start-stack.ts";
import { stopStack } from "../io/stop-stack.ts";

export async function runSmoke(
  { context, flags }: Invocation,
  options: { readonly junit?: string | undefined },
): Promise<number> {
  const session = createSession(context, flags);
  const found = findStack(session, flags);
  const state = mkdtempSync(join(tmpdir(), "stack-smoke-"));
  const place: StackPlace = { ...found, paths: resolveStatePaths(found.config, state) };
  const startedAt = new Date().toISOString();
  const steps: SmokeStep[] = [];
  let name = "stack";
  try {
    const config = await loadConfig(session, place);
    name = config.name;
    return await runSteps(session, place, config, steps);
  } catch (error) {
    // A start that failed is a case of the report as well.
    const { title, facts = [] } = reportOf(error);
    if (steps.every(({ ok }) => ok)) {
      steps.push({ name: "start", ok: false, tookMs: 0, detail: [title, ...facts].join("\n") });
    }
    throw error;
  } finally {
    // Its sockets may lie in a short folder of their own.
    for (const folder of [state, dirname(place.paths.control)]) {
      rmSync(folder, { recursive: true, force: true });
    }
    if (steps.length > 0) session.print(formatSteps(steps, session.paint, session.unicode));
    if (options.junit !== undefined) {
      writeFileSync(resolve(session.folder, options.junit), formatJunit(name, steps, startedAt));
    }
  }
}

async function runSteps(
  session: Session,
  place: StackPlace,
  config: ResolvedConfig,
  steps: SmokeStep[],
): Promise<number> {
  const over = new AbortController();
  let signal: NodeJS.Signals | undefined;
  using _signals = onEnding((received) => {
    signal ??= received;
    over.abort();
  });
  const { timeoutMs } = session;
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => over.abort(), timeoutMs);
  const seen = createSeenProcesses();
  const startedMs = performance.now();
  using stack = await startStack(session, place, {
    config,
    state: place.paths.state,
    freePorts: true,
    owned: true,
  });
  try {
    await Promise.race([waitUntilReady(session, stack), aborted(over.signal)]);
    if (!over.signal.aborted) {
      const tookMs = Math.round(performance.now() - startedMs);
      const urls = stack.status()?.edge?.urls.join(" ") ?? "";
      steps.push({ name: "start", ok: true, tookMs, detail: `all ready  ${urls}` });
      await checkAndKill({ config, stack, signal: over.signal }, steps, () => {
        const status = stack.status();
        if (status !== null) seen.note(status);
      });
    }
  } catch (error) {
    for (const line of readGuiltyLines(place, error, stack.status(), stack.startedAt)) {
      session.say(`  | ${sanitizeLine(line)}`);
    }
    throw error;
  } finally {
    clearTimeout(timer);
    stack.hush();
    const status = stack.status();
    if (status !== null) seen.note(status);
    steps.push(
      await step("stop", async () => {
        await stopStack({ ...session, say: () => {} }, place, stack.follow, status, { now: false });
        return { ok: true, detail: "drained" };
      }),
      await step("nothing left", async () => {
        const left = [...seen.alive(), ...leftFiles(place)];
        return { ok: left.length === 0, detail: left.join(", ") || "no process, socket or lock" };
      }),
    );
  }
  if (signal !== undefined) return signal === "SIGINT" ? 130 : 143;
  if (over.signal.aborted) throw timedOut({ what: "the smoke test", timeoutMs: timeoutMs ?? 0 });
  const failed = steps.filter(({ ok }) => !ok);
  if (failed.length > 0) {
    const facts = failed.map(({ name, detail }) => `${name}: ${detail}`);
    throw smokeFailed({ failed: failed.length, total: steps.length, facts });
  }
  session.data("smoke", { stack: config.name, steps });
  return exitCodes.ok;
}

async function checkAndKill(run: SmokeRun, steps: SmokeStep[], note: () => void): Promise<void> {
  steps.push(...(await runChecks(run)));
  note();
  for (const kill of [killWorker, killEdge]) {
    if (run.signal.aborted) return;
    const done = await kill(run);
    if (done !== undefined) steps.push(done);
    note();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    signal.addEventListener("abort", () => done());
  });
}
