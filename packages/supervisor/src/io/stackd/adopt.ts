/** Makes a new stackd know what runs already, and what ended while nobody looked. */
import type { ChildExit, ChildRecord } from "@stack/control";
import { lastExitOf } from "./service.ts";
import type { Stack } from "./stack.ts";

/** Adds every planned service, over the child it may have, and starts or adopts the edge. */
export function adoptChildren(stack: Stack): void {
  const { welcome, keeper, log } = stack.setup;
  const children = new Map(welcome.children.map((child) => [child.name, child]));
  for (const exit of welcome.exits) recordMissed(stack, exit);

  const edges = [...children.values()].filter(isEdge);
  for (const edge of edges) children.delete(edge.name);
  stack.edges.adopt(edges, stack.rememberedEdge ?? newest(edges));
  if (stack.edges.current() === null) stack.edges.start();

  for (const plan of stack.plans()) {
    const managed = stack.add(plan);
    const child = children.get(plan.name);
    children.delete(plan.name);
    if (child === undefined) continue;
    if (plan.kind === "app") stack.releaseCommands.skip(plan.app.name);
    managed.service.adopt(child, plan.kind === "program");
  }
  for (const child of children.values()) {
    const { name } = child;
    if (stack.releaseCommands.adopt(child)) continue;
    log.warn(`${name} is of no use any more`);
    keeper.signal(name, "SIGTERM").catch(() => {}); // the keeper is gone
  }
}

function recordMissed(stack: Stack, exit: ChildExit): void {
  const name = exit.name.startsWith("edge@") ? "edge" : exit.name;
  stack.history.recordExit(name, lastExitOf(exit, null));
  stack.history.countRestart(name);
  stack.setup.keeper.acknowledge(exit.seq);
}

function isEdge(child: ChildRecord): boolean {
  return child.name.startsWith("edge@");
}

function newest(edges: readonly ChildRecord[]): string | null {
  const generation = (edge: ChildRecord): number =>
    (edge.tag as { readonly generation: number }).generation;
  return edges.toSorted((a, b) => generation(b) - generation(a))[0]?.name ?? null;
}
