/** A check that waits because its worker is at work is no failure: asked of a real sync worker. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { probeWorker } from "../src/io/probe-worker.ts";
import { ask } from "./ask-worker.ts";
import { openBench, startReady, wsgiPlan } from "./run-arbiter-process.ts";

test("a check of a busy worker waits for its turn and is answered", async () => {
  await using bench = await openBench();
  const flag = join(bench.folder, "answer");
  const env = { ...wsgiPlan(bench).env, STACK_TEST_FLAG: flag };
  await startReady(bench, wsgiPlan(bench, { workers: 1, app: "grows:application", env }));
  const [worker] = bench.edge.workers.values();
  if (worker === undefined) throw new Error("the edge knows no worker");

  const busy = ask(worker, "/wait/1");
  await eventually("it to be at work", () => bench.output().includes("got /wait/1"));
  const probe = probeWorker(worker.address, "/grow/0", 30_000);
  writeFileSync(flag, "");

  expect(await probe).toEqual({ kind: "status", status: 200 });
  expect((await busy).status).toBe(200);
});

test("a check of a worker that is gone is broken at once", async () => {
  await using bench = await openBench();
  const answer = await probeWorker(`unix:${bench.run}/nobody.sock`, "/", 3_000);
  expect(answer).toEqual({ kind: "broken", reason: "ENOENT" });
});
