/** Errors of a config that `stack serve` wrote, told in the flags it was written from. Pure. */
import { type ErrorReport, errorFromReport, exitCodes, type StackError } from "@stack/base";
import type { ServePlan } from "./serve-config.ts";

const flagOfKey: Readonly<Record<string, string>> = {
  app: "MODULE:APP",
  entry: "MODULE:APP",
  workers: "--workers",
  threads: "--threads",
  worker: "--worker",
  python: "--python",
  timeout: "--request-timeout",
  maxRequests: "--max-requests",
  health: "--health",
  name: "--name",
};

export function explainAsFlags(error: StackError, plan: ServePlan): StackError {
  const { report } = error;
  const told =
    report.exit === exitCodes.config ? tellConfig(report, plan) : tellPlace(report, plan);
  return told === report ? error : errorFromReport(told);
}

/** A flag that the config does not take: wrong use of the command. */
function tellConfig(report: ErrorReport, plan: ServePlan): ErrorReport {
  const facts = (report.facts ?? []).flatMap((fact) => {
    // "deploy.config.mjs:5:7  apps.shop.workers  0 is too small"
    const match = /^\S+:\d+:\d+\s+(\S+)\s+(.*)$/.exec(fact);
    return match === null ? [] : [`${flagOf(match[1] ?? "", plan)}  ${match[2]}`];
  });
  const { place: _place, ...rest } = report;
  return {
    ...rest,
    exit: exitCodes.usage,
    title: facts.length === 1 ? "A flag is wrong" : "Some flags are wrong",
    facts,
    fixes: ["stack help serve"],
  };
}

function tellPlace(report: ErrorReport, plan: ServePlan): ErrorReport {
  const { place } = report;
  if (place === undefined || !place.file.endsWith("deploy.config.mjs")) return report;
  const configPath = flagOf(place.configPath ?? "", plan);
  return {
    ...report,
    place: { file: "stack serve", configPath },
    fixes: report.fixes.map(tellFix).filter((fix) => !fix.includes("deploy.config")),
  };
}

/** `apps.shop.python = ".venv/bin/python"` is `--python .venv/bin/python`. */
function tellFix(fix: string): string {
  if (fix.startsWith("stack up --port")) return "another --bind";
  const match = /^apps\.[^.]+\.(\w+) = "([^"]*)"(.*)$/.exec(fix);
  if (match === null) return fix;
  const [, key = "", value = "", rest = ""] = match;
  if (key === "app" || key === "entry") return `stack serve ${value} …${rest}`;
  if (key === "cwd") return `-C ${value}${rest}`;
  const flag = flagOfKey[key];
  return flag === undefined ? fix : `${flag} ${value}${rest}`;
}

function flagOf(configPath: string, plan: ServePlan): string {
  const listener = /^edge\.listen\[(\d+)\](\.socketMode)?/.exec(configPath);
  if (listener !== null) {
    if (listener[2] !== undefined) return "--socket-mode";
    return `--bind ${plan.binds[Number(listener[1])]?.written ?? ""}`;
  }
  if (configPath.startsWith("edge.trustedProxies")) return "--trust";
  const key = /^(?:apps\.[^.]+\.)?(\w+)/.exec(configPath)?.[1] ?? "";
  return flagOfKey[key] ?? configPath;
}
