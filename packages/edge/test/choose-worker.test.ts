/** Who gets what goes ahead of its turn: the shares of workers as quick as each other stay together. */
import { describe, expect, test } from "vitest";
import type { WorkerHandle } from "../src/io/app/app-call.ts";
import { chooseAhead } from "../src/io/app/choose-worker.ts";

function worker(id: string, recent: number, room: number, quick = true): WorkerHandle {
  const handle: Partial<WorkerHandle> = {
    id,
    recent,
    roomAhead: () => room,
    isQuick: () => quick,
  };
  return handle as WorkerHandle;
}

describe("the next request goes ahead to", () => {
  test.each([
    ["whoever was given the fewest of late", [worker("a", 9, 8), worker("b", 7, 1)], "b"],
    ["nobody without room", [worker("a", 9, 0), worker("b", 7, 0)], undefined],
    ["the next of those that have room", [worker("a", 9, 3), worker("b", 7, 0)], "a"],
    ["nobody who is far before one as quick", [worker("a", 20, 8), worker("b", 7, 0)], undefined],
    ["who is far before a slow one", [worker("a", 20, 8), worker("b", 7, 0, false)], "a"],
  ])("%s", (_who, workers, chosen) => {
    expect(chooseAhead(workers)?.id).toBe(chosen);
  });
});
