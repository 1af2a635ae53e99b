/** A purge as text, for stores outside this process. What cannot be understood purges everything. */
import type { Purge, PurgeTarget } from "./purge.ts";

export function formatPurge({ target, soft, atMs }: Purge): string {
  return JSON.stringify({ ...target, soft, atMs });
}

/** @param nowMs for a purge that does not say when it was */
export function parsePurge(text: string, nowMs: number): Purge {
  const everything: Purge = { target: { kind: "all" }, soft: false, atMs: nowMs };
  try {
    const { soft, atMs, ...target } = JSON.parse(text) as Purge & Record<string, unknown>;
    if (typeof atMs !== "number" || typeof soft !== "boolean") return everything;
    return { target: isTarget(target) ? target : everything.target, soft, atMs };
  } catch {
    return everything;
  }
}

function isTarget(value: Record<string, unknown>): value is PurgeTarget & Record<string, unknown> {
  const { kind } = value;
  if (kind === "all") return true;
  return (kind === "tag" || kind === "prefix" || kind === "url") && typeof value[kind] === "string";
}
