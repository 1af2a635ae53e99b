/** A deadline is the other side's: what this process was too busy to read is an answer in time. */
import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { within } from "../src/io/within.ts";

test("an answer that waits to be read counts, however late that is", async () => {
  const { port1, port2 } = new MessageChannel();
  const answer = within(once(port1, "message"), 5);
  port2.postMessage("there");
  const until = performance.now() + 50;
  while (performance.now() < until); // as busy as an edge can be
  expect(await answer).toEqual(["there"]);
  port1.close();
});

test("no answer is none", async () => {
  await expect(within(new Promise(() => {}), 5)).rejects.toThrow("no answer in 5 ms");
});
