import { expect, test } from "vitest";
import { createCircuit } from "./circuit.ts";

test("it is time to open a circuit after three failures in a row", () => {
  const circuit = createCircuit();
  circuit.failed();
  circuit.failed();
  circuit.succeeded();
  expect([circuit.failed(), circuit.failed(), circuit.failed()]).toEqual([false, false, true]);
  expect([circuit.isClosed(), circuit.open(), circuit.open()]).toEqual([true, true, false]);
  circuit.close();
  expect([circuit.isClosed(), circuit.failed()]).toEqual([true, false]);
});

test("the pauses between probes grow to five seconds, and begin anew once one went well", () => {
  const circuit = createCircuit();
  const pauses = Array.from({ length: 7 }, () => circuit.nextPauseMs());
  expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  circuit.close();
  expect(circuit.nextPauseMs()).toBe(250);
});
