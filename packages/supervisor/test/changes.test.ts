import { existsSync } from "node:fs";
import type { StatusData } from "@stack/control";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createTestStack, type TestStack } from "./fixtures/stack-of-a-test.ts";

// Whole stacks: a busy machine needs a while for each.
function shop(instances: number, env: string, rest = ""): string {
  return `apps: { shop: { kind: "wsgi", cwd: "app", app: "app:application", instances: ${instances}, workers: 1, env: ${env} } },
  redis: false, ${rest}`;
}

async function readyStack(body: string): Promise<TestStack> {
  const stack = createTestStack(body);
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  return stack;
}

function workers(status: StatusData): string[] {
  const all = status.apps.flatMap((app) => app.workers);
  return all.map((worker) => `${worker.id}@${worker.generation}`);
}

function pids(status: StatusData): Record<string, number | null> {
  const others = status.processes.filter((one) => one.name !== "stackd");
  return Object.fromEntries(others.map(({ name, pid }) => [name, pid]));
}

test("a plain reload gives every app a new generation and keeps the processes", async () => {
  await using stack = await readyStack(shop(2, "{}"));
  const before = await stack.status();
  const client = await stack.client();

  expect(await client.request({ op: "reload", names: [] })).toEqual({ release: "r2" });

  const after = await stack.status();
  expect(workers(after)).toEqual(["shop-1.1@2", "shop-2.1@2"]);
  expect(after.release).toBe("r2");
  expect(pids(after)).toEqual(pids(before));
});

test("a reload of the edge gives it the new plan, and touches nothing else", async () => {
  await using stack = await readyStack(shop(1, "{}"));
  const before = await stack.status();
  const client = await stack.client();
  stack.write(shop(1, "{}", `edge: { routes: [{ path: "/ping", respond: { body: "pong" } }] },`));

  await client.request({ op: "reload", names: ["edge"] });

  const after = await stack.status();
  expect(pids(after)).toEqual(pids(before));
  expect(workers(after)).toEqual(workers(before));
  expect(await (await fetch(await stack.url())).json()).toMatchObject({
    generation: 1,
    plan: { routes: [{ path: "/ping" }] },
  });
});

test("a reload that an app refuses changes nothing, and says why", async () => {
  await using stack = await readyStack(shop(2, "{}"));
  const before = await stack.status();
  const client = await stack.client();
  stack.write(shop(2, `{ FAIL: "app:application" }`, `edge: { threads: 1 },`));

  await expect(client.request({ op: "reload", names: [] })).rejects.toMatchObject({
    code: "E3001",
    report: { exit: 5 },
  });

  const after = await stack.status();
  expect(workers(after)).toEqual(workers(before));
  expect(pids(after)).toEqual(pids(before));
  expect(after).toMatchObject({ release: "r1", state: "ready" });
  expect(after.edge?.threads).toBe(before.edge?.threads);
  expect(after.edge?.urls).toEqual(before.edge?.urls);
});

test("an invalid config is refused as a whole", async () => {
  await using stack = await readyStack(shop(1, "{}"));
  const client = await stack.client();
  stack.write(`apps: { shop: { kind: "wsgi", wrokers: 2 } },`);

  await expect(client.request({ op: "reload", names: [] })).rejects.toMatchObject({
    code: "E1002",
  });
  expect(await stack.status()).toMatchObject({ release: "r1", state: "ready" });
});

test("when the second instance refuses, the first goes back to the old code", async () => {
  await using stack = await readyStack(
    `apps: { a: { kind: "wsgi", cwd: "app", app: "app:application" }, b: { kind: "wsgi", cwd: "app", app: "app:application" } }, redis: false,`,
  );
  const client = await stack.client();
  stack.write(
    `apps: { a: { kind: "wsgi", cwd: "app", app: "app:application", env: { NEW: "1" } }, b: { kind: "wsgi", cwd: "app", app: "app:application", env: { FAIL: "x" } } }, redis: false,`,
  );

  await expect(client.request({ op: "reload", names: [] })).rejects.toMatchObject({
    code: "E3001",
  });
  const { apps, release } = await stack.status();
  expect(release).toBe("r1");
  expect(apps.map((app) => app.workers.map((worker) => worker.generation))).toEqual([
    expect.arrayContaining([3]),
    expect.arrayContaining([1]),
  ]);
});

test("when going back fails too, the mixed state is told", async () => {
  const wsgi = `kind: "wsgi", cwd: "app", app: "app:application"`;
  await using stack = await readyStack(
    `apps: { a: { ${wsgi}, env: { FAIL_BACK: "old" } }, b: { ${wsgi} } }, redis: false,`,
  );
  const client = await stack.client();
  stack.write(`apps: { a: { ${wsgi} }, b: { ${wsgi}, env: { FAIL: "new" } } }, redis: false,`);

  await expect(client.request({ op: "reload", names: [] })).rejects.toMatchObject({
    code: "E3301",
    report: { exit: 6, facts: [expect.stringMatching("new"), expect.stringMatching("old")] },
  });
});

test("a reload adds, removes and restarts what changed, and nothing else", async () => {
  await using stack = await readyStack(
    shop(
      1,
      "{}",
      `programs: { same: { command: ["sleep", "1000"] }, other: { command: ["sleep", "1001"] }, gone: { command: ["sleep", "1002"] } },`,
    ),
  );
  const before = pids(await stack.status());
  const client = await stack.client();
  stack.write(
    shop(
      2,
      "{}",
      `programs: { same: { command: ["sleep", "1000"] }, other: { command: ["sleep", "2001"] }, fresh: { command: ["sleep", "1003"] } },`,
    ),
  );

  await client.request({ op: "reload", names: [] });
  await client.request({ op: "wait-ready" });

  const after = await stack.status();
  const now = pids(after);
  const untouched = ["same", "edge", "shop-1"];
  expect(new Set(Object.keys(now))).toEqual(
    new Set(["keeper", "edge", "shop-1", "shop-2", "same", "other", "fresh"]),
  );
  expect(untouched.map((name) => now[name])).toEqual(untouched.map((name) => before[name]));
  const { other, gone } = before;
  expect(Object.values(now)).not.toContain(other);
  expect(existsSync(`/proc/${gone}`)).toBe(false);
});

test("other listeners mean a new edge beside the old, and no request is refused meanwhile", async () => {
  await using stack = await readyStack(shop(1, "{}", `edge: { listen: [18080], threads: 1 },`));
  const url = await stack.url();
  const client = await stack.client();
  stack.write(shop(1, "{}", `edge: { listen: [18080, 18081], threads: 2 },`));
  let failed = 0;
  let answered = 0;
  const over = new AbortController();
  const load = (async () => {
    while (!over.signal.aborted) {
      await fetch(url).then(
        () => (answered += 1),
        () => (failed += 1),
      );
    }
  })();

  await client.request({ op: "reload", names: [] });
  await eventually("the old edge to end", async () => {
    return (await stack.status()).processes.every((one) => !one.name.startsWith("edge@"));
  });
  over.abort();
  await load;

  const status = await stack.status();
  expect(status.edge?.urls).toHaveLength(2);
  for (const each of status.edge?.urls ?? []) {
    expect(await (await fetch(each)).json()).toMatchObject({ generation: 2 });
  }
  expect(failed).toBe(0);
  expect(answered).toBeGreaterThan(5);
});

test("stop, start, restart and scale do what they say, and outlive stackd", async () => {
  await using stack = await readyStack(
    shop(2, "{}", `programs: { jobs: { command: ["sleep", "1000"] } },`),
  );
  const client = await stack.client();
  const before = pids(await stack.status());

  await client.request({ op: "stop", names: ["jobs"] });
  await client.request({ op: "scale", name: "shop", workers: 3 });
  await client.request({ op: "restart", names: ["shop-2"] });
  process.kill(await stack.pidOf("stackd"), "SIGKILL");

  const after = await eventually("a successor", async () => {
    const now = await stack.status();
    return now.apps[0]?.ready === 6 && now;
  });
  expect(after.apps[0]?.desired).toBe(6);
  const jobs = after.processes.find((one) => one.name === "jobs");
  expect(jobs).toMatchObject({ state: "stopped", pid: null, lastExit: { reason: /^stop/ } });
  expect(pids(after)["shop-1"]).toBe(before["shop-1"]);
  expect(pids(after)["shop-2"]).not.toBe(before["shop-2"]);

  const again = await stack.client();
  await again.request({ op: "start", names: ["jobs"] });
  expect(await stack.status()).toMatchObject({ state: "ready" });
  await expect(again.request({ op: "stop", names: ["shpo"] })).rejects.toMatchObject({
    code: "E3004",
  });
});

test("the edge knows which apps are stopped, whatever is replaced meanwhile", async () => {
  await using stack = await readyStack(shop(2, "{}"));
  const client = await stack.client();
  const isStopped = async (): Promise<boolean> => {
    const { plan } = (await (await fetch(await stack.url())).json()) as {
      plan: { apps: { shop: { stopped?: boolean } } };
    };
    return plan.apps.shop.stopped === true;
  };
  await client.request({ op: "stop", names: ["shop-1"] });
  expect(await isStopped()).toBe(false);
  await client.request({ op: "stop", names: ["shop"] });
  expect(await isStopped()).toBe(true);

  await client.request({ op: "restart", names: ["edge"] });
  expect(await isStopped()).toBe(true);
  process.kill(await stack.pidOf("stackd"), "SIGKILL");
  const again = await stack.client();
  await again.request({ op: "wait-ready" });
  expect(await isStopped()).toBe(true);

  await again.request({ op: "start", names: ["shop-2"] });
  expect(await isStopped()).toBe(false);
  await again.request({ op: "stop", names: ["shop"] });
  await again.request({ op: "restart", names: ["shop"] });
  expect(await isStopped()).toBe(false);
  expect((await stack.status()).apps[0]).toMatchObject({ state: "ready" });
});

test("the edge is renewed without a gap, and cannot be stopped", async () => {
  await using stack = await readyStack(shop(1, "{}"));
  const client = await stack.client();
  await expect(client.request({ op: "stop", names: ["edge"] })).rejects.toMatchObject({
    code: "E3006",
    report: { exit: 2 },
  });
  await client.request({ op: "restart", names: ["edge"] });
  const url = await stack.url();
  // The old one may take what comes until it has read that it is to drain.
  await eventually("only the new one to answer", async () => {
    const { generation } = (await (await fetch(url)).json()) as { generation: number };
    return generation === 2;
  });
});

test("one change at a time", async () => {
  await using stack = await readyStack(shop(2, "{}"));
  const client = await stack.client();
  const first = client.request({ op: "reload", names: [] });

  await expect(client.request({ op: "restart", names: ["shop"] })).rejects.toMatchObject({
    code: "E2004",
    report: { exit: 75 },
  });
  await first;
});

test("a stack that is owned ends when its owner vanishes, and stays when it was disowned", async () => {
  await using stack = createTestStack(shop(1, "{}"));
  const keeperPid = await stack.up({ owned: true });
  const owner = await stack.client();
  await owner.request({ op: "own" });
  await owner.request({ op: "wait-ready" });
  await owner.request({ op: "disown" });
  owner[Symbol.dispose]();
  expect(await stack.status()).toMatchObject({ state: "ready" });

  const second = await stack.client();
  await second.request({ op: "own" });
  second[Symbol.dispose]();
  await eventually("the keeper to end", () => !existsSync(`/proc/${keeperPid}`));
  expect(existsSync(stack.paths.lock)).toBe(false);
});

test("watchers get a snapshot at once and the events of what happens", async () => {
  await using stack = await readyStack(
    shop(1, "{}", `programs: { jobs: { command: ["sleep", "1000"] } },`),
  );
  const client = await stack.client();
  const pushes: string[] = [];
  client.onPush = (push) => {
    pushes.push(push.type === "event" ? `${push.event.source}: ${push.event.text}` : push.type);
  };
  await client.request({ op: "watch" });
  expect(pushes[0]).toBe("snapshot"); // and more, if something changes just now

  process.kill(await stack.pidOf("jobs"), "SIGKILL");
  await eventually("the event and a snapshot after it", () => {
    const event = pushes.indexOf("jobs: killed by SIGKILL");
    return event > 0 && pushes.indexOf("snapshot", event) > 0;
  });
});
