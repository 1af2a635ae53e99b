/** More requests than workers: each waits for whoever is free, and for nobody else. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, startLoad } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";

const shop = (port: number): string => `{
  name: "shop",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 1, routes: [{ path: "/*", app: "web" }] },
  apps: { web: { kind: "wsgi", app: "web:application", python: "/usr/bin/python3", workers: 2 } },
}`;

/** /block says that it began and waits until it is let go; everything else takes a millisecond. */
const blocking = `
import os, time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/block":
        with open("blocked", "a") as file:
            file.write("x")
        while not os.path.exists("go"):
            time.sleep(0.01)
    time.sleep(0.001)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
`;

test("nothing waits behind a worker that blocks, however many wait, and it blocks once", async () => {
  await using project = await createProject(shop, { "web.py": blocking });
  const [blocked, go] = [join(project.folder, "blocked"), join(project.folder, "go")];
  await project.up();
  for (let round = 0; round < 8; round += 1) {
    await using load = startLoad({ port: project.port, path: "/quick", connections: 64 });
    await load.more(200);
    const answer = fetch(`http://127.0.0.1:${project.port}/block`);
    await eventually("it to block", () => existsSync(blocked));

    // A request behind it would not be answered in time, and be a failure.
    await load.more(500);
    expect((await load.stop()).failures).toEqual([]);
    expect(readFileSync(blocked, "utf8")).toBe("x");

    writeFileSync(go, "");
    expect((await answer).status).toBe(200);
    rmSync(go);
    rmSync(blocked);
  }
});
