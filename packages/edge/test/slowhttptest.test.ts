/** slowhttptest (Debian) in its three modes at once, against an app with one worker. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { eventually, startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, limits, startEdge, timeoutsMs } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";

const connections = 150;
const seconds = 8;

/** @param mode "-H" slow heads, "-B" slow bodies, "-X" slow reading */
async function attack(port: number, mode: "-H" | "-B" | "-X"): Promise<string> {
  const more = mode === "-X" ? ["-w", "8", "-y", "16", "-n", "1", "-z", "8", "-k", "3"] : [];
  const child = spawn("slowhttptest", [
    ...[mode, "-c", String(connections), "-r", String(connections), "-i", "1", "-p", "3"],
    ...["-l", String(seconds), "-x", "8", "-u", `http://127.0.0.1:${port}/page`, ...more],
  ]);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await once(child, "close");
  return output;
}

test("slow heads, bodies and readers keep nobody from being served", async () => {
  await using edge = await startEdge({
    threads: 2,
    plan: {
      limits,
      timeoutsMs: { ...timeoutsMs, header: 4_000, body: 4_000, idle: 5_000 },
      apps: { shop: app },
    },
  });
  const page = "x".repeat(200_000);
  await using worker = await startWorker(edge.folder, async (request) => {
    await request.body;
    await request.answer(request.env.get("PATH_INFO") === "/page" ? page : "ok");
  });
  await edge.arbiter("shop", [worker.record]);
  await using load = startLoad({ port: edge.port, path: "/", connections: 2 });
  await load.more(20);
  const attacks = (["-H", "-B", "-X"] as const).map((mode) => attack(edge.port, mode));
  const most = connections * 3;
  await eventually("the attack", () => (edge.metrics()?.connections ?? 0) > most / 2);
  await load.more(100);
  // Slow heads and bodies are thrown out while their sender goes on.
  await eventually("their end", () => (edge.metrics()?.connections ?? most) <= connections + 20);
  const reports = await Promise.all(attacks);
  await load.more(20);
  const result = await load.stop();
  expect(result.failures).toEqual([]);
  for (const report of reports) {
    expect(stripVTControlCharacters(report)).toMatch(/service available:\s+YES/);
    expect(stripVTControlCharacters(report)).not.toMatch(/service available:\s+NO/);
  }
});
