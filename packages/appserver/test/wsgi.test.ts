/** A real arbiter with real Python workers. */
import { expect, test } from "vitest";
import { ask } from "./ask-worker.ts";
import { openBench, wsgiPlan } from "./run-arbiter-process.ts";

test("a configured WSGI app is ready, known to the edge, and answers with its identity", async () => {
  await using bench = await openBench();
  const error = await bench.stackd.order({
    type: "configure",
    plan: wsgiPlan(bench),
    release: "r1",
  });
  expect(error).toBeNull();

  expect(bench.stackd.hellos[0]).toMatchObject({ role: "arbiter", app: "shop", instance: 1 });
  const state = bench.stackd.state();
  expect(state).toMatchObject({ state: "ready", desired: 2, generation: 1, release: "r1" });
  const workers = [...bench.edge.workers.values()];
  expect(workers.map((worker) => worker.id).sort()).toEqual(["shop-1.1", "shop-1.2"]);
  for (const worker of workers) {
    const answer = await ask(worker, "/");
    expect(answer).toEqual({ status: 200, body: `${worker.pid} shop 1 ${worker.id} r1 -` });
  }
});
