/** `cache.purgeOnRelease`: what another release of the app has made is not used any more. */
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, route } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { followHeaders, startCached } from "./fixtures/cached.ts";

test.for([true, false])(
  "with purgeOnRelease %s, an answer of the release before is asked for again or not",
  async (purgeOnRelease) => {
    await using cached = await startCached({
      plan: {
        apps: { shop: app },
        cache: { memoryBytes: 4 * 1024 * 1024, store: { kind: "memory" }, purgeOnRelease },
      },
      routes: () => [{ ...route("/*", { kind: "app", app: "shop" }), cache: followHeaders }],
    });
    const answers = (text: string) =>
      startWorker(cached.edge.folder, (request) =>
        request.answer(text, "200 OK\r\nCache-Control: max-age=60\r\n"),
      );
    await using before = await answers("before");
    await using after = await answers("after");
    const arbiter = await cached.edge.arbiter("shop", [{ ...before.record, release: "1" }]);
    await eventually("the first release", async () => (await cached.get("/")).text === "before");
    arbiter.up({ ...after.record, key: "after", id: "shop-1.2", release: "2" });
    arbiter.send({ type: "worker-gone", key: before.record.key });
    // Another page is asked for, to know that the new one answers.
    let count = 0;
    await eventually("the second release", async () => {
      count += 1;
      return (await cached.get(`/other?${count}`)).text === "after";
    });
    expect((await cached.get("/")).text).toBe(purgeOnRelease ? "after" : "before");
  },
);
