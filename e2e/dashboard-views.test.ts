/** What the dashboard tells of a real stack: its cache, why a program fails, exceptions, a canary. */
import { eventually, startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";
import { openTerminal, type TestTerminal } from "./support/terminal.ts";

const config = (port: number): string => `{
  name: "shop",
  redis: false,
  cache: { store: "memory", memory: "4mb" },
  edge: { listen: ["127.0.0.1:${port}"], threads: 1, routes: [
    { path: "/*", app: "web", cache: { mode: "http", bypass: { cookies: ["session"] } } },
  ] },
  apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", workers: 1,
    canary: { requests: 100_000, time: "5m", deadline: "10m" } } },
  programs: { mailer: {
    command: ["/usr/bin/python3", "-c", "raise ConnectionError('no mail at 10.0.0.9')"],
    restart: "never",
  } },
}`;

const app = (text: string): string => `def price(text):
    return int(text)


def application(environ, start_response):
    if environ["PATH_INFO"] == "/cart":
        price("a lot")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Cache-Control", "max-age=60")])
    return [b"${text}"]
`;

const sizes = [
  { cols: 80, rows: 24 },
  { cols: 110, rows: 34 },
  { cols: 140, rows: 40 },
];

/** From the first row down, a row at a time. */
async function moveTo(terminal: TestTerminal, name: string): Promise<void> {
  const current = (): string => /▸ .*/.exec(terminal.screen())?.[0] ?? "";
  terminal.press("g");
  await terminal.shows(/NAME .*\n▸ /);
  while (!current().startsWith(`▸ ${name}`)) {
    const before = current();
    terminal.press("j");
    await eventually(`the row after ${before}`, () => {
      return current().split("  ")[0] !== before.split("  ")[0];
    });
  }
}

test.for(sizes)(
  "the cache, a crashed program and exceptions on $cols columns",
  { timeout: 240_000 },
  async (size) => {
    await using shop = await createProject(config, { "web.py": app("v1") });
    using terminal = openTerminal(["up"], shop.folder, size);
    await terminal.shows(/web-1\.1 +● ready/, 60_000);
    await terminal.shows(/edge +● ready/, 60_000);
    const get = (path: string, cookie = ""): Promise<number> =>
      fetch(`http://127.0.0.1:${shop.port}${path}`, { headers: { cookie } }).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
      );
    for (const path of ["/", "/", "/", "/?other"]) expect(await get(path)).toBe(200);
    expect(await get("/", "session=1")).toBe(200);
    expect(await get("/cart")).toBe(500);
    expect(await get("/cart")).toBe(500);
    expect((await shop.stack("cache", "purge", "--tag", "front", "--soft")).code).toBe(0);

    terminal.press("4");
    await terminal.shows(/\[4 Cache\]/);
    await terminal.shows(/answered +28\.6% of 7 requests from the cache/);
    await terminal.shows(/memory .*4\.0M|memory .*3\.\dM/);
    await terminal.shows("none besides the memory of the edge");
    await terminal.shows(/tag front +soft/);
    await terminal.shows(/\/\* +7 +28\.6 +2 +0 +0 +4 +1/);
    await terminal.shows(/miss +unknown 4\s+bypass +rule 1/);
    terminal.press("p");
    await terminal.shows("Purge what?");
    terminal.press("all\r");
    await terminal.shows(/purges +\d\d:\d\d:\d\d all/);

    terminal.press("\u001b");
    await terminal.shows(/▸ \S/);
    await moveTo(terminal, "mailer");
    terminal.press("\r");
    await terminal.shows("WHY IT FAILS");
    await terminal.shows("no mail at 10.0.0.9");
    await terminal.shows("LAST EXITS");

    terminal.press("\u001b");
    await terminal.shows(/▸ mailer/);
    await moveTo(terminal, "web (wsgi)");
    terminal.press("\r");
    await terminal.shows(/x2 ValueError: invalid literal.*a lot/);
    await terminal.shows(/answered 500 +2 of/);
    terminal.press("\r");
    await terminal.shows("Traceback (most recent call last):");
    await terminal.shows("return int(text)");
    terminal.press("qs");
    expect(await terminal.exited).toBe(0);
  },
);

test("a canary has a row of its own while it runs, and its verdict after", async () => {
  await using shop = await createProject(config, { "web.py": app("v1") });
  using terminal = openTerminal(["up"], shop.folder, { cols: 110, rows: 34 });
  await terminal.shows(/web-1\.1 +● ready/, 60_000);
  await terminal.shows(/edge +● ready/, 60_000);
  await using load = startLoad({ port: shop.port, path: "/", timeoutMs: 60_000 });
  await load.more(20);

  shop.write("web.py", "def application(environ, start_response):\n    raise ValueError('v2')\n");
  const reload = shop.stack("reload", "web", "--canary", "50%");
  await terminal.shows(/canary r2 +◐ 50% +\S+\/100k requests +errors .* left/, 60_000);
  // Past the cache: each is asked of the app.
  let asked = 0;
  await eventually("it is taken back", async () => {
    asked += 1;
    await fetch(`http://127.0.0.1:${shop.port}/?${asked}`).catch(() => {});
    return terminal.screen().includes("taken back: ");
  });
  expect((await reload).code).toBe(5);
  await load.stop();
  terminal.press("qs");
  expect(await terminal.exited).toBe(0);
}, 240_000);
