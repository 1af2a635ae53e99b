/**
 * What a reload has to touch: the difference between the running config and the new one. Where a
 * key was written does not count; a config that only moved is the same.
 */
import type { AppPlan, EdgePlan, EdgeSettings, ResolvedConfig } from "../plans.ts";

export type AppChange =
  /** Not in the old config. */
  | { readonly kind: "added" }
  /** Not in the new one. */
  | { readonly kind: "removed" }
  /** Another code or setting: a new generation in every instance, and the new number of instances. */
  | { readonly kind: "changed"; readonly keys: readonly string[] }
  /** Only how many there are: `configure` with the new plan, start or drain instances. */
  | {
      readonly kind: "scaled";
      readonly instances: { readonly from: number; readonly to: number };
      readonly workers: { readonly from: number; readonly to: number };
    }
  | { readonly kind: "same" };

export type EntryChange = "added" | "removed" | "changed" | "same";

export interface ConfigChanges {
  /** True when nothing at all has to be touched. */
  readonly isSame: boolean;
  /**
   * "plan": the running edge takes the new plan; "listeners": other listeners, another number of
   * threads or another user, which only a new edge generation can have (with the new plan).
   */
  readonly edge: "same" | "plan" | "listeners";
  readonly apps: Readonly<Record<string, AppChange>>;
  readonly programs: Readonly<Record<string, EntryChange>>;
  /** Apps and programs have its address in their environment: they follow when it changes. */
  readonly redis: "same" | "changed";
  /** The stack has another name. */
  readonly isRenamed: boolean;
}

export function diffConfigs(before: ResolvedConfig, after: ResolvedConfig): ConfigChanges {
  const edge = diffEdge(before.edge, after.edge);
  const apps = diffRecords(before.apps, after.apps, diffApp);
  const programs = diffRecords(before.programs, after.programs, (a, b) =>
    isSame({ ...a, place: null }, { ...b, place: null }) ? "same" : "changed",
  );
  const redis = isSame(before.redis, after.redis) ? "same" : "changed";
  const isRenamed = before.name !== after.name;
  const all = [
    edge,
    redis,
    ...Object.values(programs),
    ...Object.values(apps).map((change) => (typeof change === "string" ? change : change.kind)),
  ];
  return {
    isSame: !isRenamed && all.every((change) => change === "same"),
    edge,
    apps: Object.fromEntries(
      Object.entries(apps).map(([name, change]) => [
        name,
        typeof change === "string" ? { kind: change } : change,
      ]),
    ),
    programs,
    redis,
    isRenamed,
  };
}

function diffEdge(before: EdgeSettings, after: EdgeSettings): ConfigChanges["edge"] {
  // Their names are positions in the list: what counts is the set of addresses. But the plan of one
  // that speaks more than plain HTTP is found by its position: with those the order counts as well.
  const isPlain = before.plan.listeners === undefined && after.plan.listeners === undefined;
  const addresses = ({ listeners }: EdgeSettings): unknown => {
    const list = listeners.map(({ address, socketMode }) =>
      JSON.stringify([sorted(address), socketMode ?? null]),
    );
    return isPlain ? list.sort(byText) : list;
  };
  const started = (edge: EdgeSettings): unknown => [edge.threads, edge.user, addresses(edge)];
  if (!isSame(started(before), started(after))) return "listeners";
  return isSame(withoutSources(before.plan), withoutSources(after.plan)) ? "same" : "plan";
}

/** The order of routes does not count either: the most specific wins. */
function withoutSources(plan: EdgePlan): unknown {
  const routes = plan.routes.map((route) => ({ ...route, source: "" }));
  return { ...plan, routes: routes.map((route) => JSON.stringify(sorted(route))).sort(byText) };
}

function diffApp(before: AppPlan, after: AppPlan): AppChange {
  const keys = changedKeys(before, after);
  if (keys.length === 0) return { kind: "same" };
  if (keys.every((key) => key === "instances" || key === "workers" || key === "elastic")) {
    return {
      kind: "scaled",
      instances: { from: before.instances, to: after.instances },
      workers: { from: before.workers, to: after.workers },
    };
  }
  return { kind: "changed", keys };
}

/** Not counted: where it was looked for, when the same was found. */
function changedKeys(before: AppPlan, after: AppPlan): readonly string[] {
  const a = before as unknown as Readonly<Record<string, unknown>>;
  const b = after as unknown as Readonly<Record<string, unknown>>;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => key !== "place" && key !== "pythonTried" && !isSame(a[key], b[key]))
    .sort(byText);
}

function diffRecords<Plan, Change>(
  before: Readonly<Record<string, Plan>>,
  after: Readonly<Record<string, Plan>>,
  diff: (before: Plan, after: Plan) => Change,
): Record<string, Change | "added" | "removed"> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return Object.fromEntries(
    names.map((name) => {
      const old = Object.hasOwn(before, name) ? before[name] : undefined;
      const next = Object.hasOwn(after, name) ? after[name] : undefined;
      if (old === undefined) return [name, "added"];
      if (next === undefined) return [name, "removed"];
      return [name, diff(old, next)];
    }),
  );
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Plain data with its keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => byText(a, b))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** The order must not depend on the locale. */
function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
