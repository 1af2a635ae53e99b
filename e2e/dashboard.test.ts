/** The dashboard in a real terminal over a real stack: keys, modes, what stays when it ends. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { resolveStatePaths, type StatusData } from "@stack/control";
import { eventually, isAlive, shopStatus, tempFolder } from "@stack/testkit";
import { expect, onTestFinished, test } from "vitest";
import { startFakeStackd } from "../packages/dashboard/test/fixtures/fake-stackd.ts";
import { createProject, type Project } from "./support/stack.ts";
import { openTerminal, type TestTerminal } from "./support/terminal.ts";

const config = (port: number): string => `{
  name: "shop",
  edge: { listen: ["127.0.0.1:${port}"], routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "app:application", workers: 2 } },
  redis: false,
}`;

const app = `print("imported the app", flush=True)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
`;

function project(): Promise<Project> {
  return createProject(config, { "app.py": app });
}

/** Screen, cursor and modes are as they were before, and the mouse was never taken. */
function expectRestored(terminal: TestTerminal): void {
  const bytes = terminal.bytes();
  const count = (sequence: string): number => bytes.split(sequence).length - 1;
  expect(count("\u001b[?1049h")).toBe(1);
  expect(count("\u001b[?1049l")).toBe(1);
  expect(bytes.lastIndexOf("\u001b[?25h")).toBeGreaterThan(bytes.lastIndexOf("\u001b[?25l"));
  expect(bytes.lastIndexOf("\u001b[?2004h")).toBeLessThanOrEqual(
    bytes.lastIndexOf("\u001b[?2004l"),
  );
  for (const mouse of ["1000", "1002", "1003", "1006"]) expect(bytes).not.toContain(`?${mouse}h`);
  expect(terminal.isAlternate()).toBe(false);
}

test("up shows the services and the logs, q asks, s drains and stops all", async () => {
  await using shop = await project();
  using terminal = openTerminal(["up"], shop.folder);
  await terminal.shows(/shop .*● READY/, 30_000);
  await terminal.shows(/web-1\.2 +● ready/);
  expect(terminal.isAlternate()).toBe(true);
  expect((await fetch(`http://127.0.0.1:${shop.port}/`)).status).toBe(200);

  terminal.press("5");
  await terminal.shows("imported the app");
  terminal.press("?");
  await terminal.shows("reload: no request lost");
  terminal.press("x1q");
  await terminal.shows("Leave, or stop everything?");
  terminal.press("s");

  expect(await terminal.exited).toBe(0);
  await terminal.shows("drained in");
  expectRestored(terminal);
  expect(shop.leftovers()).toEqual([]);
});

test("q then d leaves the stack running; Ctrl-C in top does too", async () => {
  await using shop = await project();
  using owner = openTerminal(["up"], shop.folder);
  await owner.shows(/● READY/, 30_000);
  owner.press("q");
  await owner.shows("detach: the services keep running");
  owner.press("d");
  expect(await owner.exited).toBe(0);
  expectRestored(owner);

  using guest = openTerminal(["top"], shop.folder);
  await guest.shows(/● READY/);
  guest.press("\u0003");
  expect(await guest.exited).toBe(0);
  expectRestored(guest);
  expect((await shop.status()).state).toBe("ready");
});

test("actions: r reloads without a question, stopping an app wants its name typed", async () => {
  await using shop = await project();
  await shop.up();
  using terminal = openTerminal(["top"], shop.folder);
  await terminal.shows(/● READY/);
  terminal.press("j");
  await terminal.shows(/▸ web/);
  terminal.press("r");
  await terminal.shows(/reload done in/, 30_000);
  expect((await shop.status()).release).not.toBe("r1");

  terminal.press("s");
  await terminal.shows('Stop "web"?');
  terminal.press("web");
  await terminal.shows("confirm:  web_");
  terminal.press("\r");
  await terminal.shows(/web \(wsgi\).*■ stopped/, 30_000);
  terminal.press("q");
  expect(await terminal.exited).toBe(0);
});

test("when stackd is killed the screen stays and comes back by itself", async () => {
  await using shop = await project();
  const status = await shop.up();
  const stackd = status.processes.find(({ kind }) => kind === "stackd")?.pid ?? 0;
  using terminal = openTerminal(["top"], shop.folder);
  await terminal.shows(/● READY/);
  process.kill(stackd, "SIGKILL");
  await eventually("another stackd", async () => {
    const now = await shop.stack("status", "--json");
    return now.code === 0 && !now.stdout.includes(`"pid":${stackd},`);
  });
  terminal.press("5");
  await terminal.shows(/stackd ended/);
  terminal.press("1");
  await terminal.shows(/stackd +● ready.* 1 +\d+s/);
  terminal.press("q");
  expect(await terminal.exited).toBe(0);
});

test("TERM restores the terminal of top, and drains the stack of up", async () => {
  await using shop = await project();
  using owner = openTerminal(["up"], shop.folder);
  await owner.shows(/● READY/, 30_000);
  using guest = openTerminal(["top"], shop.folder);
  await guest.shows(/● READY/);

  guest.signal("SIGTERM");
  expect(await guest.exited).toBe(0);
  expectRestored(guest);
  owner.signal("SIGTERM");
  expect(await owner.exited).toBe(0);
  expectRestored(owner);
  expect(shop.leftovers()).toEqual([]);
});

test("an exception while drawing restores the terminal and names itself", async () => {
  using folder = tempFolder();
  mkdirSync(join(folder.path, ".stack", "logs"), { recursive: true });
  writeFileSync(join(folder.path, "deploy.config.ts"), "export default {};\n");
  // What no stackd sends: the view meets it, and fails.
  const broken = { ...shopStatus, processes: [null] } as unknown as StatusData;
  const { control } = resolveStatePaths(join(folder.path, "deploy.config.ts"));
  const runFolder = dirname(control); // elsewhere for root
  mkdirSync(runFolder, { recursive: true });
  onTestFinished(() => rmSync(runFolder, { recursive: true, force: true }));
  await using _stackd = await startFakeStackd(control, broken);
  using terminal = openTerminal(["top"], folder.path);

  expect(await terminal.exited).toBe(1);
  await terminal.shows("E0001");
  expectRestored(terminal);
});

test("a terminal that is closed, or a killed owner, ends the stack", async () => {
  await using shop = await project();
  using terminal = openTerminal(["up"], shop.folder);
  await terminal.shows(/● READY/, 30_000);
  const keeper = (await shop.status()).processes.find(({ kind }) => kind === "keeper")?.pid ?? 0;
  terminal.signal("SIGKILL");
  await eventually("the keeper to end", () => !isAlive(keeper), 30_000);
  expect(shop.leftovers()).toEqual([]);
});
