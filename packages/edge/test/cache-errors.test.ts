/** What an app fails at counts against it, though the answer came through the cache. */
import { eventually } from "@stack/testkit";
import { test } from "vitest";
import { app, route } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { followHeaders, startCached } from "./fixtures/cached.ts";

test("a 500 through the cache is an error of the app, and an exception of its worker", async () => {
  await using cached = await startCached({
    plan: { apps: { shop: app } },
    routes: () => [{ ...route("/*", { kind: "app", app: "shop" }), cache: followHeaders }],
  });
  await using worker = await startWorker(cached.edge.folder, (request) =>
    request.answer("broken", "500 Internal Server Error\r\nCache-Control: no-store\r\n"),
  );
  await cached.edge.arbiter("shop", [worker.record]);
  await eventually("its answer", async () => (await cached.get("/")).text === "broken");

  // A thread may be between the counts of one request.
  await eventually("every request to count as an error and an exception", () => {
    const known = cached.edge.metrics()?.apps["shop"];
    const [load] = Object.values(known?.loads ?? {});
    const { requests = 0, errors } = known ?? {};
    return requests > 0 && errors === requests && load?.exceptions === requests;
  });
});
