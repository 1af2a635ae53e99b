/**
 * Which services a config asks for, and in what order they may start and must stop. Pure: what
 * comes of it is `io/stackd`'s work.
 */
import type { AppPlan, ProgramPlan, ResolvedConfig } from "@stack/config";

export type ServicePlan =
  | {
      readonly kind: "redis";
      readonly name: "redis";
      readonly server: string;
      readonly memoryBytes: number;
    }
  | {
      readonly kind: "app";
      /** "shop-1" */
      readonly name: string;
      readonly app: AppPlan;
      readonly instance: number;
    }
  | { readonly kind: "program"; readonly name: string; readonly program: ProgramPlan };

/** What an operator changed at run time; kept over the death of stackd. */
export interface Overrides {
  /** By app: workers per instance, or instances of a `command` app. */
  readonly scale: Readonly<Record<string, number>>;
  /** Names of services that were stopped and are to stay so. */
  readonly stopped: readonly string[];
}

export const noOverrides: Overrides = { scale: {}, stopped: [] };

/** Redis first, then apps, then programs. */
export function planServices(config: ResolvedConfig, overrides: Overrides): ServicePlan[] {
  const redis: ServicePlan[] =
    config.redis.kind === "managed" ? [{ ...config.redis, kind: "redis", name: "redis" }] : [];
  const apps = Object.values(config.apps).flatMap((written) => {
    const app = scaled(written, overrides.scale[written.name]);
    return Array.from({ length: app.instances }, (_, index): ServicePlan => {
      const instance = index + 1;
      return { kind: "app", name: `${app.name}-${instance}`, app, instance };
    });
  });
  const programs = Object.values(config.programs).map(
    (program): ServicePlan => ({ kind: "program", name: program.name, program }),
  );
  return [...redis, ...apps, ...programs];
}

function scaled(app: AppPlan, count: number | undefined): AppPlan {
  if (count === undefined) return app;
  if (app.kind === "command") return { ...app, instances: count };
  const { elastic: _, ...fixed } = app; // whoever says a number means it
  return { ...fixed, workers: count };
}

/** The names a service waits for; an app's name stands for all its instances. */
export function dependenciesOf(plan: ServicePlan, hasRedis: boolean): readonly string[] {
  switch (plan.kind) {
    case "redis":
      return [];
    case "app":
      return hasRedis ? ["redis"] : [];
    case "program":
      return plan.program.dependsOn;
  }
}

/**
 * The services in the groups they are stopped in: first those nobody needs, last what all need.
 * A circle of dependencies (the config refuses it) ends in one group.
 */
export function planStopOrder(plans: readonly ServicePlan[]): ServicePlan[][] {
  const hasRedis = plans.some((plan) => plan.kind === "redis");
  const groups: ServicePlan[][] = [];
  let rest = [...plans];
  while (rest.length > 0) {
    const needed = new Set(rest.flatMap((plan) => dependenciesOf(plan, hasRedis)));
    const free = rest.filter((plan) => !answersTo(plan, needed));
    const group = free.length > 0 ? free : rest;
    groups.push(group);
    rest = rest.filter((plan) => !group.includes(plan));
  }
  return groups;
}

function answersTo(plan: ServicePlan, names: ReadonlySet<string>): boolean {
  return names.has(plan.name) || (plan.kind === "app" && names.has(plan.app.name));
}

/**
 * The services an operator means by names: an app for all its instances, or the name of a service.
 * Undefined for a name that is none.
 */
export function findServices(
  plans: readonly ServicePlan[],
  name: string,
): readonly ServicePlan[] | undefined {
  const found = plans.filter(
    (plan) => plan.name === name || (plan.kind === "app" && plan.app.name === name),
  );
  return found.length > 0 ? found : undefined;
}

/** Every name `findServices` knows, apps before their instances. */
export function knownNames(plans: readonly ServicePlan[]): string[] {
  return [...new Set(plans.map((plan) => (plan.kind === "app" ? plan.app.name : plan.name)))];
}
