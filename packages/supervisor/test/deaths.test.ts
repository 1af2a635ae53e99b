import { existsSync, readdirSync, writeFileSync } from "node:fs";
import type { StatusData } from "@stack/control";
import { isRunning, readStartTime } from "@stack/process";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createTestStack, type TestStack } from "./fixtures/stack-of-a-test.ts";

// Whole stacks: a busy machine needs a while for each.
const shop = `apps: { shop: { kind: "wsgi", cwd: "app", app: "app:application", instances: 2 } },
  programs: { jobs: { command: ["sleep", "1000"] } },
  redis: false,`;

async function readyStack(body = shop): Promise<TestStack> {
  const stack = createTestStack(body);
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  return stack;
}

function processOf(status: StatusData, name: string) {
  const found = status.processes.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no process ${name}`);
  return found;
}

test.for(["edge", "shop-1", "jobs"])(
  "%s comes back after kill -9, with its exit recorded",
  async (name) => {
    await using stack = await readyStack();
    const before = await stack.pidOf(name);

    process.kill(before, "SIGKILL");

    const status = await eventually(`${name} to be ready again`, async () => {
      const now = await stack.status();
      const { pid, state } = processOf(now, name);
      return pid !== before && state === "ready" && now;
    });
    expect(processOf(status, name)).toMatchObject({
      restarts: 1,
      lastExit: { signal: "SIGKILL", code: null, reason: "killed by SIGKILL" },
    });
    expect(processOf(status, "stackd").restarts).toBe(0);
  },
);

test("a degraded edge is replaced by a new one beside it", async () => {
  await using stack = await readyStack();
  const before = await stack.pidOf("edge");
  const url = await stack.url();

  process.kill(before, "SIGUSR2");
  await eventually("a new edge to serve, and the old one to end", async () => {
    expect((await fetch(url)).status).toBe(200);
    const { processes } = await stack.status();
    const edges = processes.filter((one) => one.kind === "edge");
    return edges.length === 1 && edges[0]?.pid !== before && edges[0]?.state === "ready";
  });
  expect(processOf(await stack.status(), "edge").restarts).toBe(0);
});

test("a stackd that is killed is replaced, and the successor touches nothing and goes on", async () => {
  await using stack = await readyStack();
  const before = await stack.status();
  const stackd = processOf(before, "stackd").pid ?? 0;

  process.kill(stackd, "SIGKILL");
  const after = await eventually("a successor with everything ready", async () => {
    const now = await stack.status();
    return processOf(now, "stackd").pid !== stackd && now.state === "ready" && now;
  });

  const others = (status: StatusData) =>
    status.processes
      .filter((one) => one.name !== "stackd")
      .map(({ name, pid, restarts }) => ({ name, pid, restarts }));
  expect(others(after)).toEqual(others(before));
  expect(processOf(after, "stackd").restarts).toBe(1);
  expect(after.release).toBe("r1");

  const jobs = processOf(after, "jobs").pid ?? 0;
  process.kill(jobs, "SIGKILL");
  await eventually("the successor to restart jobs", async () => {
    const { pid, state, restarts } = processOf(await stack.status(), "jobs");
    return pid !== jobs && state === "ready" && restarts === 1;
  });
});

test("what dies while no stackd lives is restarted by the successor", async () => {
  await using stack = await readyStack();
  const [stackd, jobs] = [await stack.pidOf("stackd"), await stack.pidOf("jobs")];

  process.kill(stackd, "SIGKILL");
  process.kill(jobs, "SIGKILL");

  const status = await eventually("jobs to be ready again", async () => {
    const now = await stack.status();
    const { pid, state } = processOf(now, "jobs");
    return pid !== jobs && state === "ready" && now;
  });
  expect(processOf(status, "jobs")).toMatchObject({
    restarts: 1,
    lastExit: { reason: "killed by SIGKILL" },
  });
});

test("the keeper killed: requests in flight are answered, and nothing is left", async () => {
  await using stack = await readyStack();
  const status = await stack.status();
  const url = await stack.url();
  const slow = fetch(`${url}/slow`);
  await eventually("the slow request to be in flight", async () => {
    return ((await stack.status()).edge?.answers[2] ?? 0) > 0;
  });

  process.kill(processOf(status, "keeper").pid ?? 0, "SIGKILL");

  await eventually("every process to end", () =>
    status.processes.every((one) => readStartTime(one.pid ?? 0) === undefined),
  );
  expect((await slow).status).toBe(200);
  expect(readdirSync(stack.paths.state)).toEqual(["config", "logs"]);
});

test("everything killed: the next up starts clean", async () => {
  await using stack = await readyStack();
  const { processes } = await stack.status();
  const first = (name: string) => processes.findIndex((one) => one.name === name);
  expect(first("keeper")).toBeLessThan(first("stackd"));
  // Stopped first, the keeper before stackd: who sees the others die would act on it.
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
    for (const { pid } of processes) process.kill(pid ?? 0, signal);
  }
  await eventually("all to be gone", () =>
    processes.every(({ pid }) => readStartTime(pid ?? 0) === undefined),
  );
  writeFileSync(`${stack.paths.run}/stale.sock`, "");

  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
  expect(existsSync(`${stack.paths.run}/stale.sock`)).toBe(false);
  expect(await (await fetch(await stack.url())).json()).toMatchObject({ generation: 1 });
});

test("what outlived keeper and stackd is ended by the next up", async () => {
  await using stack = await readyStack();
  const { processes } = await stack.status();
  const old = processes.filter((one) => one.name !== "keeper" && one.name !== "stackd");
  const identities = old.map(({ pid }) => ({ pid: pid ?? 0, startTime: readStartTime(pid ?? 0) }));
  process.kill(processOf(await stack.status(), "keeper").pid ?? 0, "SIGSTOP");
  process.kill(processOf(await stack.status(), "stackd").pid ?? 0, "SIGKILL");
  process.kill(processes[0]?.pid ?? 0, "SIGKILL");
  expect(identities.every(({ pid, startTime }) => isRunning(pid, startTime ?? 0))).toBe(true);

  await stack.up();
  expect(identities.filter(({ pid, startTime }) => isRunning(pid, startTime ?? 0))).toEqual([]);
  const client = await stack.client();
  await client.request({ op: "wait-ready" });
});

test("maintenance outlives the edge, stackd and a reload, and ends when it is told to", async () => {
  await using stack = await readyStack("redis: false,");
  const url = await stack.url();
  const seen = async (): Promise<unknown> =>
    ((await (await fetch(url)).json()) as { maintenance: unknown }).maintenance;
  const page = { type: "text/html", body: "<p>later</p>" };
  const change = { mode: "on", retryAfterS: 60, page, holdMs: null } as const;
  const client = await stack.client();

  await client.request({ op: "maintenance", change });
  expect(await seen()).toBe("on");
  expect((await stack.status()).edge?.maintenance).toMatchObject({ mode: "on", retryAfterS: 60 });

  for (const name of ["edge", "stackd"]) {
    const before = await stack.pidOf(name);
    process.kill(before, "SIGKILL");
    await eventually(`another ${name}`, async () => {
      const now = await stack.status();
      return processOf(now, name).pid !== before && now.state === "ready";
    });
    expect(await seen()).toBe("on");
    expect((await stack.status()).edge?.maintenance?.mode).toBe("on");
  }

  const later = await stack.client();
  await later.request({ op: "restart", names: ["edge"] });
  expect(await seen()).toBe("on");
  await later.request({ op: "maintenance", change: null });
  expect(await seen()).toBe("off");
  expect((await stack.status()).edge?.maintenance ?? null).toBeNull();
});
