/** Several that share a cached route: a canary and the code before it, the sides of a split. */
import { canaryName } from "@stack/control";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { app, route } from "./edge-process.ts";
import { startWorker } from "./fake-worker.ts";
import { type CachedEdge, followHeaders, startCached } from "./fixtures/cached.ts";

const memory = { memoryBytes: 4 * 1024 * 1024, store: { kind: "memory" } } as const;

/** What a visitor is given with its first answer, to be brought back. */
async function visitorOf(cached: CachedEdge, text: string): Promise<{ readonly Cookie: string }> {
  return await eventually(`a visitor of ${text}`, async () => {
    const answer = await cached.get(`/visit?${Math.random()}`);
    const [cookie = ""] = answer.headers["set-cookie"] ?? [];
    return answer.text === text && { Cookie: cookie.split(";", 1)[0] ?? "" };
  });
}

async function startSide(cached: CachedEdge, name: string, text: string) {
  const worker = await startWorker(cached.edge.folder, (request) =>
    request.answer(text, "200 OK\r\nCache-Control: max-age=60\r\n"),
  );
  await cached.edge.arbiter(name, [worker.record]);
  return worker;
}

test.for(["http", "force"] as const)(
  "in mode %s a canary's answers are its visitors', the stored ones the others'",
  async (mode) => {
    const canary = { app: canaryName("shop"), share: 0.5, salt: "r2" };
    await using cached = await startCached({
      plan: {
        apps: { shop: { ...app, canary }, [canary.app]: app },
        cache: { ...memory, purgeOnRelease: false },
      },
      routes: () => [
        { ...route("/*", { kind: "app", app: "shop" }), cache: { ...followHeaders, mode } },
      ],
    });
    await using _stable = await startSide(cached, "shop", "stable");
    await using _fresh = await startSide(cached, canary.app, "fresh");
    const stable = await visitorOf(cached, "stable");
    const fresh = await visitorOf(cached, "fresh");
    for (let times = 0; times < 3; times += 1) {
      for (const [visitor, text] of [
        [stable, "stable"],
        [fresh, "fresh"],
      ] as const) {
        const answer = await cached.get("/page", visitor);
        expect([answer.text, answer.headers["set-cookie"]]).toEqual([text, undefined]);
        expect(answer.cache.includes("hit")).toBe(times > 0);
      }
    }
  },
);

test("each side of a split has its own answers, and keeps its visitors", async () => {
  const choices = ["one", "two"].map((name) => ({
    target: { kind: "app", name } as const,
    weight: 0.5,
  }));
  const sticky = { cookie: "side", maxAgeS: null };
  await using cached = await startCached({
    plan: { apps: { one: app, two: app }, cache: { ...memory, purgeOnRelease: false } },
    routes: () => [{ ...route("/*", { kind: "split", choices, sticky }), cache: followHeaders }],
  });
  await using _one = await startSide(cached, "one", "1");
  await using _two = await startSide(cached, "two", "2");
  const visitors = [await visitorOf(cached, "1"), await visitorOf(cached, "2")];
  for (let times = 0; times < 2; times += 1) {
    const texts = [];
    for (const visitor of visitors) texts.push((await cached.get("/page", visitor)).text);
    expect(texts).toEqual(["1", "2"]);
  }
  await cached.get("/page", visitors[0], "POST");
  expect((await cached.get("/page", visitors[1])).cache).toMatch(/fwd/); // of whichever side
});
