/** Many connections at once, each of which asks again as soon as it is answered. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { route, startEdge } from "./edge-process.ts";

test("of a burst of connections none is accepted only when the others have had their fill", async () => {
  await using edge = await startEdge({
    threads: 1,
    plan: {
      routes: [route("/*", { kind: "respond", status: 200, body: "hello", type: "text/plain" })],
    },
  });
  const load = ["-q", "-k", "-c", "900", "-n", "60000"];
  const child = spawn("ab", [...load, `http://127.0.0.1:${edge.port}/`]);
  const report = await text(child.stdout);
  const number = (of: RegExp) => Number(of.exec(report)?.[1]);
  expect(number(/Complete requests:\s+(\d+)/)).toBe(60_000);
  expect(number(/Failed requests:\s+(\d+)/)).toBe(0);
  const wholeMs = number(/Time taken for tests:\s+([\d.]+)/) * 1_000;
  expect(number(/100%\s+(\d+)/)).toBeLessThan(wholeMs / 2);
});
