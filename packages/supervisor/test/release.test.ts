/** `release`: what runs once before new code serves, with real commands and a real keeper. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "@stack/base";
import { type LogLine, readLogs } from "@stack/process";
import { eventually } from "@stack/testkit";
import { expect, test, vi } from "vitest";
import { createTestStack, type TestStack } from "./fixtures/stack-of-a-test.ts";

// Whole stacks: a busy machine needs a while for each.
vi.setConfig({ testTimeout: 90_000 });
const waitMs = 30_000;

function shop(release: readonly string[], more = ""): string {
  return `redis: false,
  apps: { shop: { kind: "wsgi", cwd: "app", app: "app:application", instances: 2, workers: 1,
    python: "/usr/bin/python3", env: { GREETING: "hello" }, release: ${JSON.stringify(release)}, ${more} } },`;
}

const read = (stack: TestStack, file: string): string =>
  existsSync(join(stack.folder, "app", file))
    ? readFileSync(join(stack.folder, "app", file), "utf8")
    : "";
const logOf = (stack: TestStack): readonly LogLine[] =>
  readLogs({ folder: stack.paths.logs, names: ["shop"], lines: 100 });

async function refusal(promise: Promise<unknown>): Promise<StackError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StackError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

test("commands run once for all instances, in order, in the app's folder and environment, before it starts", async () => {
  await using stack = createTestStack(
    shop(['echo "$GREETING from $STACK_RELEASE" > first', "python -c 'print(6 * 7)'"]),
  );
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });

  expect(read(stack, "first")).toBe("hello from r1\n");
  const lines = await eventually("the log of both", () => {
    const read = logOf(stack);
    return read.some((line) => line.text.startsWith("generation 1")) && read;
  });
  const said = lines.findIndex((line) => line.source === "shop.release" && line.text === "42");
  const served = lines.findIndex((line) => line.text.startsWith("generation 1"));
  expect(said).toBeGreaterThanOrEqual(0);
  expect(served).toBeGreaterThan(said);
  expect(lines.filter((line) => line.text === "42")).toHaveLength(1);
});

test("a reload runs them again, one that only scales does not", async () => {
  await using stack = createTestStack(shop(["echo x >> runs"]));
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });

  await client.request({ op: "scale", name: "shop", workers: 2 });
  expect(read(stack, "runs")).toBe("x\n");
  await client.request({ op: "reload", names: ["shop"] });
  expect(read(stack, "runs")).toBe("x\nx\n");
  await client.request({ op: "reload", names: ["shop"], only: "code" });
  expect(read(stack, "runs")).toBe("x\nx\n");
});

test("one that fails keeps the old: its last words are in the error, and no generation is tried", async () => {
  await using stack = createTestStack(shop(["true"]));
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });

  stack.write(shop(["echo no such table: users >&2; exit 3", "echo never > never"]));
  const error = await refusal(client.request({ op: "reload", names: [] }));

  expect(error.code).toBe("E3401");
  expect(error.report.exit).toBe(5);
  expect(error.report.facts?.join("\n")).toMatch(/exit 3[\s\S]*no such table: users/);
  expect(read(stack, "never")).toBe("");
  const status = await stack.status();
  expect(status.state).toBe("ready");
  expect(status.apps[0]?.workers.map((worker) => worker.generation)).toEqual([1, 1]);
});

test("at a start nothing serves until they succeed", async () => {
  await using stack = createTestStack(shop(["test -e ready || { echo not yet; exit 1; }"]));
  await stack.up();
  const client = await stack.client();
  const error = await refusal(client.request({ op: "wait-ready" }));

  expect(error.code).toBe("E3401");
  expect(error.report.facts?.join("\n")).toContain("not yet");
  expect((await stack.status()).apps[0]).toMatchObject({ state: "crashed", ready: 0 });

  writeFileSync(join(stack.folder, "app", "ready"), "");
  await client.request({ op: "reload", names: ["shop"] });
  expect((await stack.status()).apps[0]).toMatchObject({ state: "ready", ready: 2 });
});

test("one that takes too long has failed, and is ended with all it started", async () => {
  await using stack = createTestStack(shop(["true"]));
  await stack.up();
  const client = await stack.client();
  await client.request({ op: "wait-ready" });

  stack.write(shop(["sleep 600 & echo $! > sleeper; wait"], 'releaseTimeout: "2s"'));
  const error = await refusal(client.request({ op: "reload", names: [] }));

  expect(error.code).toBe("E3401");
  expect(error.report.facts?.join("\n")).toContain("took longer than 2s");
  const pid = Number(read(stack, "sleeper"));
  await eventually("the sleeper to end", () => !existsSync(`/proc/${pid}`), waitMs);
});

test("never twice at once: a stackd that takes over waits for what the one before began", async () => {
  const line =
    "mkdir lock || echo twice >> twice; until test -e go; do sleep 0.05; done; rmdir lock";
  await using stack = createTestStack(shop([line]));
  await stack.up();
  await eventually("the first run", () => existsSync(join(stack.folder, "app", "lock")), waitMs);
  const before = await stack.pidOf("stackd");
  process.kill(before, "SIGKILL");
  await eventually("a new stackd", async () => (await stack.pidOf("stackd")) !== before, waitMs);
  const client = await stack.client();
  const ready = client.request({ op: "wait-ready" });

  writeFileSync(join(stack.folder, "app", "go"), "");
  await ready;

  expect(read(stack, "twice")).toBe("");
});

test("down does not wait for them to finish", async () => {
  await using stack = createTestStack(shop(["touch began; exec sleep 600"]));
  await stack.up();
  await eventually("a run", () => existsSync(join(stack.folder, "app", "began")), waitMs);

  const client = await stack.client();
  await client.request({ op: "down", now: false });
});
