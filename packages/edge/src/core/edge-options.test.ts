import { expect, test } from "vitest";
import { descriptorOf, parseEdgeOptions } from "./edge-options.ts";

const listeners = [
  { name: "edge.listen[0]", address: "127.0.0.1:8080" },
  { name: "edge.listen[1]", address: "unix:/run/x.sock" },
];
const args = [
  ...["--control", "/s/control.sock", "--run", "/s/run"],
  ...["--generation", "3", "--threads", "2", "--listeners", JSON.stringify(listeners)],
];

test("the arguments stackd writes are read", () => {
  expect(parseEdgeOptions(args)).toEqual({
    control: "/s/control.sock",
    run: "/s/run",
    generation: 3,
    threads: 2,
    listeners,
  });
});

test.for([
  ["--control", undefined],
  ["--generation", "x"],
  ["--threads", "0"],
  ["--listeners", "{}"],
  ["--listeners", "[1]"],
] as const)("%s %s is refused", ([name, value]) => {
  const at = args.indexOf(name);
  const changed = value === undefined ? args.toSpliced(at, 2) : args.with(at + 1, value);
  expect(parseEdgeOptions(changed)).toContain(name);
});

test("each listener has one descriptor per thread, from 3 on", () => {
  const all = [0, 1].flatMap((listener) =>
    [0, 1].map((thread) => descriptorOf(listener, thread, 2)),
  );
  expect(all).toEqual([3, 4, 5, 6]);
});
