/** What `stack smoke` found, as a table for people and as JUnit for machines. */
import type { Paint } from "./paint.ts";

export interface SmokeStep {
  /** "start", "GET /", "worker killed" */
  readonly name: string;
  readonly ok: boolean;
  readonly tookMs: number;
  /** "200, contains \"Shop\"" or what was wrong. */
  readonly detail: string;
}

export function formatSteps(steps: readonly SmokeStep[], paint: Paint, unicode: boolean): string {
  const width = Math.max(...steps.map((step) => step.name.length), 12);
  return steps
    .map((step) => {
      const sign = step.ok ? (unicode ? "✓" : "ok") : unicode ? "✖" : "x";
      const left = `${step.name.padEnd(width)}  ${step.detail}`;
      const took = `${(step.tookMs / 1000).toFixed(1)}s`;
      return `${paint(step.ok ? "good" : "bad", sign)} ${left.padEnd(71)} ${took}`;
    })
    .join("\n");
}

/** One test suite, one case per step. */
export function formatJunit(stack: string, steps: readonly SmokeStep[], startedAt: string): string {
  const failures = steps.filter((step) => !step.ok).length;
  const total = steps.reduce((sum, step) => sum + step.tookMs, 0);
  const suite = [
    `name="${escapeXml(`stack smoke ${stack}`)}"`,
    `tests="${steps.length}"`,
    `failures="${failures}"`,
    'errors="0"',
    'skipped="0"',
    `time="${seconds(total)}"`,
    `timestamp="${escapeXml(startedAt)}"`,
  ].join(" ");
  const cases = steps.map((step) => {
    const head = `    <testcase classname="${escapeXml(stack)}" name="${escapeXml(step.name)}" time="${seconds(step.tookMs)}"`;
    return step.ok
      ? `${head}/>`
      : `${head}>\n      <failure message="${escapeXml(step.detail.split("\n")[0] ?? "")}">${escapeXml(step.detail)}</failure>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${steps.length}" failures="${failures}" time="${seconds(total)}">`,
    `  <testsuite ${suite}>`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

/** For text and attributes; what XML 1.0 cannot hold at all becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/(?![\t\n\r])\p{Cc}|[\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&apos;")
    .replaceAll("\n", "&#10;");
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
