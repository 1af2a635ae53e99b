/** New code on trial, in words: how it does beside the old, and when it is decided; then the verdict. */
import { formatDuration } from "@stack/base";
import type { AppStatus, CanarySideStatus } from "@stack/control";
import { formatCount, formatMs } from "./format.ts";

export interface CanaryNote {
  readonly release: string;
  /** The most important first. */
  readonly parts: readonly string[];
  /** The same where there is less room: as many as fit are shown. */
  readonly short: readonly string[];
  readonly tone: "good" | "warn" | "bad";
}

/** A verdict is news for so long. */
const newsMs = 60_000;

export function canaryNote(app: AppStatus): CanaryNote | null {
  const { canary, lastCanary } = app;
  if (canary !== undefined) {
    const { release, share, wanted, old, new: fresh } = canary;
    const fails = errorShare(fresh) > errorShare(old) + 0.01;
    const percent = `${Math.round(share * 1000) / 10}%`;
    const done = `${formatCount(fresh.requests)}/${formatCount(wanted)}`;
    return {
      release,
      parts: [
        percent,
        `${done} requests`,
        `errors ${errors(fresh)} (old ${errors(old)})`,
        `p95 ${latency(fresh)} (old ${latency(old)})`,
        timeLeft(canary),
      ],
      short: [
        percent,
        done,
        `err ${errors(fresh)}/${errors(old)}`,
        `p95 ${formatMs(fresh.p95Ms)}/${latency(old)}`,
        timeLeft(canary),
      ],
      tone: fails ? "bad" : "warn",
    };
  }
  if (lastCanary === undefined || lastCanary.ageMs > newsMs) return null;
  return verdictNote(lastCanary);
}

/** The verdict, however long ago. */
export function verdictNote(last: NonNullable<AppStatus["lastCanary"]>): CanaryNote {
  const isGood = last.verdict === "promoted";
  const parts = [`${isGood ? "promoted" : "taken back"}: ${last.reason}`];
  return {
    release: last.release,
    parts,
    short: parts,
    tone: isGood ? "good" : "bad",
  };
}

/** It is decided when both requests and time are enough; without requests it is given up. */
function timeLeft(canary: NonNullable<AppStatus["canary"]>): string {
  const { elapsedMs, timeMs, deadlineMs, wanted, new: fresh } = canary;
  const ms = (fresh.requests < wanted ? deadlineMs : timeMs) - elapsedMs;
  const left = formatDuration(Math.max(0, Math.round(ms / 1000)) * 1000);
  return fresh.requests < wanted ? `${left} left` : `decided in ${left}`;
}

function errorShare({ requests, errors: failed }: CanarySideStatus): number {
  return requests === 0 ? 0 : failed / requests;
}

function errors(side: CanarySideStatus): string {
  if (side.requests === 0) return "-";
  const percent = errorShare(side) * 100;
  return `${percent === 0 || percent >= 9.95 ? Math.round(percent) : percent.toFixed(1)}%`;
}

function latency({ p95Ms }: CanarySideStatus): string {
  if (p95Ms === null) return "-";
  const text = formatMs(p95Ms);
  return text.endsWith("s") ? text : `${text}ms`;
}
