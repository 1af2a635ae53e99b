/**
 * Active checks of one upstream's servers: once per edge, by the main thread, over the protocol the
 * upstream speaks; the result is written where all threads see it.
 */
import type { UpstreamHealth, UpstreamPlan } from "@stack/config";
import { type CgiParams, noScript } from "@stack/protocols";
import { applyCheck, type CheckState, unchecked } from "../../core/upstream/check-state.ts";
import type { SharedServer } from "../../core/upstream/shared-upstream.ts";
import type { LinkOutcome } from "../exchange.ts";
import { createProbeExchange, type ProbeResult } from "../upstream/probe-exchange.ts";
import { createUpstreamServer, protocolOf } from "../upstream/upstream-server.ts";

export interface HealthChecks extends Disposable {
  /** The servers there are now; those that stay keep what was found. */
  readonly setServers: (servers: readonly SharedServer[]) => void;
}

export interface HealthChecksOptions {
  readonly plan: UpstreamPlan;
  readonly health: UpstreamHealth;
  readonly onChange: (server: SharedServer, health: "up" | "down", why: string) => void;
  readonly onBug: (error: unknown) => void;
}

interface Checked {
  server: SharedServer;
  state: CheckState;
  timer: NodeJS.Timeout | undefined;
}

const limits = { headerBytes: 64 * 1024, headerCount: 200 };
const readBufferBytes = 64 * 1024;

export function startHealthChecks(options: HealthChecksOptions): HealthChecks {
  const { health, plan } = options;
  const readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
  const checked = new Map<string, Checked>();
  const protocol = protocolOf(
    plan,
    () => paramsOf(plan, health.path),
    () => {},
  );

  function check(entry: Checked): void {
    const { server } = entry;
    const target = createUpstreamServer({
      shared: server,
      key: "",
      token: "",
      protocol,
      proxyProtocol: plan.proxyProtocol,
      settings: {
        readBuffer,
        limits,
        connectMs: health.timeoutMs,
        firstByteMs: health.timeoutMs,
        onBug: options.onBug,
      },
      onSettled: (_server, _exchange, outcome) => {
        if (outcome !== "answered") exchange.abort(reasonOf(outcome));
      },
    });
    let deadline: NodeJS.Timeout | undefined;
    const exchange = createProbeExchange(health, (result) => {
      clearTimeout(deadline);
      target.link.retire();
      settle(entry, result);
    });
    if (exchange.done) return;
    deadline = setTimeout(
      () => exchange.abort(`no answer in ${health.timeoutMs} ms`),
      health.timeoutMs,
    );
    target.link.serveFresh(exchange, target);
  }

  function settle(entry: Checked, result: ProbeResult): void {
    if (checked.get(entry.server.address) !== entry) return;
    const problem = judge(health, result);
    const before = entry.state;
    entry.state = applyCheck(before, problem === "", health.rise, health.fall);
    if (entry.state.health !== before.health && entry.state.health !== "unknown") {
      options.onChange(entry.server, entry.state.health, problem);
    }
    entry.timer = setTimeout(() => check(entry), health.intervalMs).unref();
  }

  return {
    setServers(servers) {
      const now = new Map(servers.map((server) => [server.address, server]));
      for (const [address, entry] of checked) {
        const server = now.get(address);
        if (server === undefined) {
          clearTimeout(entry.timer);
          checked.delete(address);
        } else {
          entry.server = server;
        }
      }
      for (const [address, server] of now) {
        if (checked.has(address)) continue;
        const entry: Checked = { server, state: unchecked, timer: undefined };
        checked.set(address, entry);
        check(entry);
      }
    },
    [Symbol.dispose]() {
      for (const entry of checked.values()) clearTimeout(entry.timer);
      checked.clear();
    },
  };
}

function reasonOf(outcome: Exclude<LinkOutcome, "answered">): string {
  switch (outcome) {
    case "unreached":
      return "it cannot be reached";
    case "lost":
      return "it closed the connection";
    default:
      return "no answer in time";
  }
}

/** What is wrong with it; "" when nothing is. */
function judge(health: UpstreamHealth, result: ProbeResult): string {
  if (result.problem !== "") return result.problem;
  const [first, last] = health.status;
  if (result.status < first || result.status > last) return `status ${result.status}`;
  if (
    health.contains !== null &&
    !result.body.includes(Buffer.from(health.contains).toString("latin1"))
  ) {
    return `no ${JSON.stringify(health.contains)} in its answer`;
  }
  return "";
}

/** A check may ask for what is no file: the ping.path of php-fpm. */
function paramsOf(plan: UpstreamPlan, path: string): CgiParams {
  const extra = Object.entries(plan.params ?? {});
  if (plan.scripts === undefined) return { ...noScript, extra };
  const scriptName = path.split("?", 1)[0] ?? path;
  const documentRoot = Buffer.from(plan.scripts.root).toString("latin1");
  return { script: { scriptName, pathInfo: "" }, documentRoot, extra };
}
