import { expect, test } from "vitest";
import { createTurnEnd, type Holder, type Reader } from "../src/io/thread/turn-end.ts";

const written: string[] = [];

function reader(name: string, answer: () => void = () => {}): Reader {
  return {
    takeIn() {
      written.push(name);
      answer();
    },
    onBug: (error) => written.push(`${name}: ${String(error)}`),
  };
}

function holder(name: string, writeMore: () => void = () => {}): Holder {
  return {
    writeHeld() {
      written.push(name);
      writeMore();
    },
    onBug: (error) => written.push(`${name}: ${String(error)}`),
  };
}

/** Until the end of the turn, and what was written by then. */
async function turn(): Promise<string[]> {
  await new Promise(setImmediate);
  return written.splice(0);
}

test("requests leave before answers, when the turn is over", async () => {
  const { ask, answer } = createTurnEnd();
  answer(holder("answer 1"));
  ask(holder("request 1"));
  answer(holder("answer 2"));
  ask(holder("request 2"));
  await Promise.resolve();
  expect(written).toEqual([]);
  expect(await turn()).toEqual(["request 1", "request 2", "answer 1", "answer 2"]);
  expect(await turn()).toEqual([]);
});

test("all that was read is taken in first, answers before requests, and what comes of it leaves", async () => {
  const { takeRequest, takeAnswer, ask, answer } = createTurnEnd();
  takeRequest(reader("read request", () => ask(holder("request"))));
  takeAnswer(reader("read answer", () => answer(holder("answer"))));
  takeRequest(reader("read another", () => answer(holder("answer of ours"))));
  await Promise.resolve();
  expect(written).toEqual([]);
  const read = ["read answer", "read request", "read another"];
  expect(await turn()).toEqual([...read, "request", "answer", "answer of ours"]);
  expect(await turn()).toEqual([]);
});

test("what is read while that is done is taken in with the next turn", async () => {
  const { takeRequest, takeAnswer, answer } = createTurnEnd();
  takeRequest(reader("request", () => takeAnswer(reader("the next answer"))));
  answer(holder("answer", () => takeRequest(reader("the next request"))));
  expect(await turn()).toEqual(["request", "answer"]);
  expect(await turn()).toEqual(["the next answer", "the next request"]);
});

test("what is held while others write leaves with the next turn", async () => {
  const { ask, answer } = createTurnEnd();
  ask(holder("request", () => ask(holder("the next request"))));
  answer(holder("answer", () => answer(holder("the next answer"))));
  expect(await turn()).toEqual(["request", "answer"]);
  expect(await turn()).toEqual(["the next request", "the next answer"]);
});

test("one that throws is told, and costs the others nothing", async () => {
  const { answer, takeRequest } = createTurnEnd();
  const fail = (): never => {
    throw new Error("broken");
  };
  for (const one of [holder("before"), holder("bad", fail), holder("after")]) answer(one);
  for (const one of [reader("first"), reader("worse", fail), reader("last")]) takeRequest(one);
  const read = ["first", "worse", "worse: Error: broken", "last"];
  expect(await turn()).toEqual([...read, "before", "bad", "bad: Error: broken", "after"]);
});

test("in a turn of very many the first ones do not wait for the last", async () => {
  const { answer } = createTurnEnd();
  for (let number = 1; number <= 300; number += 1) answer(holder(String(number)));
  const early = written.splice(0);
  const late = await turn();
  expect(early.length).toBeGreaterThan(0);
  expect(late.length).toBeGreaterThan(0);
  expect([...early, ...late]).toEqual(Array.from({ length: 300 }, (_, at) => String(at + 1)));
});

test("what was read waits while connections are accepted, but not for ever", async () => {
  const { takeRequest, accepted } = createTurnEnd();
  takeRequest(reader("request"));
  accepted();
  expect(await turn()).toEqual([]);
  expect(await turn()).toEqual(["request"]);

  takeRequest(reader("the next request"));
  let turns = 0;
  while (written.length === 0) {
    accepted();
    await new Promise(setImmediate);
    turns += 1;
  }
  expect(await turn()).toEqual(["the next request"]);
  expect(turns).toBeGreaterThan(8);
  expect(turns).toBeLessThan(100);
});
